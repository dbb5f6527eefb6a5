import { posix } from 'node:path';
import { invalidArgument, notImplemented } from '../base/index.ts';
import type { Container, ContainerConfiguration, MountPoint, MountRequest } from './types.ts';

/** A mount that is decided but whose volume may not exist yet. */
export interface PlannedMount {
  /** `source` and `name` are empty where a volume is still to be made. */
  readonly point: MountPoint;
  readonly volume:
    | undefined
    | {
        /** undefined: an anonymous one. */
        readonly name: string | undefined;
        readonly labels: Readonly<Record<string, string>>;
        /** Fill it from the image when it is empty. */
        readonly copy: boolean;
      };
  /** For binds: make a missing source a directory, as -v does; an error otherwise. */
  readonly createSource: boolean;
}

const propagations = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);
/** Words of other platforms that Docker accepts and ignores on Linux, and SELinux labels where there is no SELinux. */
const withoutEffect = new Set(['consistent', 'cached', 'delegated', 'default', 'z', 'Z']);
const tmpfsOption =
  /^(?:size=\d+[kmg%]?|mode=[0-7]{1,4}|uid=\d+|gid=\d+|nr_inodes=\d+[kmg]?|nr_blocks=\d+[kmg]?|r[ow]|(?:no)?(?:exec|suid|dev)|(?:no)?(?:a|rel|dir)time|strictatime|a?sync|(?:no)?diratime)$/i;

function invalidSpecification(specification: string, why?: string): Error {
  const detail = why === undefined ? '' : `: ${why}`;
  return invalidArgument('invalid-mount', `invalid volume specification: '${specification}'${detail}`);
}

/**
 * All mounts of a container, outermost first. Later sources override volumes-from; the same target twice is an error.
 * @param volumesOf resolves the container of a volumes-from
 */
export function planMounts(
  configuration: ContainerConfiguration,
  effective: Container['effective'],
  volumesOf: (reference: string) => readonly MountPoint[],
): readonly PlannedMount[] {
  const { host } = configuration;
  const inherited = new Map<string, PlannedMount>();
  for (const specification of host.volumesFrom) {
    for (const plan of planVolumesFrom(specification, volumesOf)) inherited.set(plan.point.target, plan);
  }
  const own = new Map<string, PlannedMount>();
  const add = (plan: PlannedMount): void => {
    const { target } = plan.point;
    if (own.has(target)) throw invalidArgument('duplicate-mount', `Duplicate mount point: ${target}`);
    own.set(target, plan);
  };
  for (const bind of host.binds) add(parseBind(bind));
  for (const request of host.mounts) add(planRequest(request));
  // These are mounted as they stand in the configuration and are no mount points of their own: only checked here.
  for (const [target, options] of Object.entries(host.tmpfs)) add(planTmpfs(target, splitOptions(options)));
  const all = new Map([...inherited, ...own]);
  for (const volume of effective.volumes) {
    const target = cleanTarget(volume, volume);
    if (!all.has(target)) all.set(target, planVolume(undefined, target, {}));
  }
  for (const target of Object.keys(host.tmpfs)) all.delete(cleanTarget(target, target));
  const depth = ({ point }: PlannedMount): number => point.target.split('/').length;
  return [...all.values()].sort((a, b) => depth(a) - depth(b));
}

function cleanTarget(target: string, specification: string): string {
  if (!target.startsWith('/')) {
    throw invalidSpecification(specification, `invalid mount path: '${target}' mount path must be absolute`);
  }
  const clean = posix.normalize(target).replace(/(?<=.)\/$/, '');
  if (clean === '/') throw invalidSpecification(specification, "invalid mount config: destination can't be '/'");
  return clean;
}

interface VolumeDetails {
  readonly readOnly?: boolean;
  readonly copy?: boolean;
  readonly mode?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

function planVolume(name: string | undefined, target: string, details: VolumeDetails): PlannedMount {
  return {
    point: {
      type: 'volume',
      name,
      source: '',
      target,
      readOnly: details.readOnly ?? false,
      propagation: '',
      recursive: true,
      options: [],
      mode: details.mode ?? '',
    },
    volume: { name, labels: details.labels ?? {}, copy: details.copy ?? true },
    createSource: false,
  };
}

/** `target`, `source:target` or `source:target:mode,…` (docker run -v). */
export function parseBind(specification: string): PlannedMount {
  const parts = specification.split(':');
  if (parts.length > 3 || parts.some((part) => part === '')) throw invalidSpecification(specification);
  if (parts.length === 1) return planVolume(undefined, cleanTarget(specification, specification), {});
  const [source = '', destination = '', mode = ''] = parts;
  // "/data:ro" is a target with a mode, which Docker refuses rather than guess.
  if (parts.length === 2 && isMode(destination)) throw invalidSpecification(specification);
  const target = cleanTarget(destination, specification);
  const words = mode === '' ? [] : mode.split(',');
  const isPath = source.startsWith('/');
  for (const word of words) {
    const known = isMode(word) && (isPath ? word !== 'nocopy' : !propagations.has(word));
    if (!known) throw invalidSpecification(specification, `invalid mode: ${mode}`);
  }
  const readOnly = words.includes('ro');
  if (readOnly && words.includes('rw')) throw invalidSpecification(specification, `invalid mode: ${mode}`);
  if (!isPath) return planVolume(checkedName(source), target, { readOnly, copy: !words.includes('nocopy'), mode });
  const propagation = words.find((word) => propagations.has(word)) ?? 'rprivate';
  return planBind({ source, target, readOnly, propagation, recursive: true, mode, createSource: true });
}

function isMode(word: string): boolean {
  return ['ro', 'rw', 'nocopy'].includes(word) || propagations.has(word) || withoutEffect.has(word);
}

function checkedName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return name;
  throw invalidArgument(
    'invalid-volume-name',
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" ` +
      'are allowed. If you intended to pass a host directory, use absolute path',
  );
}

function planBind(bind: {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation: string;
  readonly recursive: boolean;
  readonly mode: string;
  readonly createSource: boolean;
}): PlannedMount {
  const { createSource, ...point } = bind;
  const source = posix.normalize(point.source).replace(/(?<=.)\/$/, '');
  return { point: { ...point, type: 'bind', name: undefined, source, options: [] }, volume: undefined, createSource };
}

/** One entry of HostConfig.Mounts (docker run --mount). */
function planRequest(request: MountRequest): PlannedMount {
  const what = `${request.type === 'tmpfs' ? '' : request.source}:${request.target}`;
  const target = cleanTarget(request.target, what);
  switch (request.type) {
    case 'bind': {
      if (!request.source.startsWith('/')) {
        throw invalidArgument(
          'invalid-mount',
          `invalid mount config for type "bind": invalid mount path: '${request.source}' mount path must be absolute`,
        );
      }
      const propagation = request.propagation === '' ? 'rprivate' : request.propagation;
      if (!propagations.has(propagation)) {
        throw invalidArgument('invalid-mount', `invalid propagation mode: ${propagation}`);
      }
      const { source, readOnly, recursive, createSource } = request;
      return planBind({ source, target, readOnly, propagation, recursive, mode: '', createSource });
    }
    case 'volume': {
      if (request.subpath !== '') {
        throw notImplemented(
          'volume-subpath-not-implemented',
          'the option volume-subpath of a mount is not implemented',
        );
      }
      const name = request.source === '' ? undefined : checkedName(request.source);
      const { readOnly, noCopy, labels } = request;
      return planVolume(name, target, { readOnly, copy: !noCopy, mode: '', labels });
    }
    case 'tmpfs': {
      const size = request.sizeBytes === undefined || request.sizeBytes === 0 ? [] : [`size=${request.sizeBytes}`];
      const mode = request.mode === undefined || request.mode === 0 ? [] : [`mode=${request.mode.toString(8)}`];
      return planTmpfs(target, [...size, ...mode, ...request.options]);
    }
    default:
      return request satisfies never;
  }
}

const splitOptions = (text: string): readonly string[] => text.split(',').filter((option) => option !== '');

function planTmpfs(targetText: string, options: readonly string[]): PlannedMount {
  const bad = options.find((option) => !tmpfsOption.test(option));
  if (bad !== undefined) throw invalidArgument('invalid-mount', `Invalid tmpfs option "${bad}"`);
  return {
    point: {
      type: 'tmpfs',
      name: undefined,
      source: '',
      target: cleanTarget(targetText, targetText),
      readOnly: options.includes('ro'),
      propagation: '',
      recursive: true,
      options,
      mode: options.join(','),
    },
    volume: undefined,
    createSource: false,
  };
}

/** `container[:ro|rw]` */
function planVolumesFrom(
  specification: string,
  volumesOf: (reference: string) => readonly MountPoint[],
): readonly PlannedMount[] {
  const colon = specification.indexOf(':');
  const reference = colon < 0 ? specification : specification.slice(0, colon);
  const mode = colon < 0 ? '' : specification.slice(colon + 1);
  if (reference === '') throw invalidArgument('invalid-mount', 'volumes-from: container name or id missing');
  if (!['', 'ro', 'rw', 'z', 'Z'].includes(mode)) {
    throw invalidArgument('invalid-mount', `invalid mode for volumes-from: ${mode}`);
  }
  return volumesOf(reference)
    .filter(({ type }) => type !== 'tmpfs')
    .map((point) => ({
      point: { ...point, readOnly: mode === 'ro' || (mode !== 'rw' && point.readOnly) },
      volume: point.type === 'volume' ? { name: point.name, labels: {}, copy: false } : undefined,
      createSource: false,
    }));
}
