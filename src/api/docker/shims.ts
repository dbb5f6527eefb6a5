import type { ApiVersion } from './version.ts';

/**
 * What older API versions answer differently. The handlers know the newest version only; each difference is one entry
 * here, applied from the newest to the oldest.
 */
interface ResponseShim {
  readonly route: string;
  /** Applies to versions below this one. */
  readonly below: ApiVersion;
  readonly change: (answer: unknown) => unknown;
}

function each(answer: unknown, change: (entry: Record<string, unknown>) => void): unknown {
  for (const entry of Array.isArray(answer) ? answer : [answer]) {
    if (typeof entry === 'object' && entry !== null) change(entry as Record<string, unknown>);
  }
  return answer;
}

const virtualSize = (answer: unknown): unknown =>
  each(answer, (image) => {
    image['VirtualSize'] = image['Size'];
  });

/** Until 1.49 an image's configuration came with every field of a container's, most of them empty. */
const emptyImageConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

const responseShims: readonly ResponseShim[] = [
  {
    route: 'GET /images/:name/json',
    below: 50,
    change: (answer) =>
      each(answer, (image) => {
        image['Config'] = { ...emptyImageConfig, ...(image['Config'] as object) };
      }),
  },
  { route: 'GET /images/json', below: 44, change: virtualSize },
  { route: 'GET /images/:name/json', below: 44, change: virtualSize },
  {
    route: 'GET /system/df',
    below: 44,
    change: (answer) => each(answer, (usage) => virtualSize(usage['Images'])),
  },
  {
    route: 'GET /system/df',
    below: 42,
    change: (answer) =>
      each(answer, (usage) => {
        usage['BuilderSize'] = 0;
      }),
  },
  {
    // About modules that the kernel builds in nowadays.
    route: 'GET /info',
    below: 44,
    change: (answer) =>
      each(answer, (information) => {
        information['KernelMemory'] = false;
        information['BridgeNfIptables'] = false;
        information['BridgeNfIp6tables'] = false;
      }),
  },
];

const shimsByRoute = Map.groupBy(responseShims, ({ route }) => route);

export function shimResponse(route: string, version: ApiVersion, answer: unknown): unknown {
  let changed = answer;
  for (const shim of shimsByRoute.get(route) ?? []) if (version < shim.below) changed = shim.change(changed);
  return changed;
}
