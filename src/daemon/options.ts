import type { Log } from '../base/index.ts';
import { invalidArgument } from '../base/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface TlsOptions {
  readonly verifyClients: boolean;
  readonly certificateAuthority: string | undefined;
  readonly certificate: string;
  readonly key: string;
}

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Everything that can be configured, after the command line and the configuration file were merged. */
export interface DaemonOptions {
  readonly hosts: readonly string[];
  readonly dockerSocket: boolean;
  readonly debug: boolean;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  readonly configFile: string;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly group: string;
  readonly tls: TlsOptions | undefined;
  readonly insecureTcp: boolean;
  /** "": chosen by the daemon. */
  readonly bridge: string;
  readonly bip: string | undefined;
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly mtu: number;
  readonly ulimits: readonly Ulimit[];
  readonly labels: readonly string[];
  readonly logDriver: 'json-file' | 'local' | 'none';
  readonly logOptions: Readonly<Record<string, string>>;
  readonly maxConcurrentDownloads: number | undefined;
}

/** What the command line and the file are made of before they are checked: dockerd's key names. */
export type RawOptions = Readonly<Record<string, unknown>>;

type OptionType = 'string' | 'strings' | 'boolean' | 'number' | 'map' | 'pools' | 'ulimits';

export interface OptionDefinition {
  /** Long flag, without dashes. */
  readonly flag: string;
  readonly short?: string;
  /** Key of the configuration file; dockerd uses the plural for lists. */
  readonly key: string;
  readonly type: OptionType;
  readonly value?: string;
  readonly help: string;
}

export const optionDefinitions: readonly OptionDefinition[] = [
  {
    flag: 'host',
    short: 'H',
    key: 'hosts',
    type: 'strings',
    value: 'URL',
    help: 'listen here: unix:///path or tcp://address:port (repeatable; default unix://EXEC-ROOT/corten.sock)',
  },
  { flag: 'docker-socket', key: 'docker-socket', type: 'boolean', help: 'answer at /var/run/docker.sock too' },
  { flag: 'debug', short: 'D', key: 'debug', type: 'boolean', help: 'log at debug level' },
  {
    flag: 'data-root',
    key: 'data-root',
    type: 'string',
    value: 'DIR',
    help: 'images, containers, volumes and state (default /var/lib/corten)',
  },
  {
    flag: 'exec-root',
    key: 'exec-root',
    type: 'string',
    value: 'DIR',
    help: 'sockets and state of running containers (default /run/corten)',
  },
  {
    flag: 'pidfile',
    key: 'pidfile',
    type: 'string',
    value: 'FILE',
    help: 'where the process id is written (default EXEC-ROOT/cortend.pid)',
  },
  {
    flag: 'config-file',
    key: 'config-file',
    type: 'string',
    value: 'FILE',
    help: 'configuration file (default /etc/corten/daemon.json)',
  },
  {
    flag: 'log-level',
    key: 'log-level',
    type: 'string',
    value: 'LEVEL',
    help: 'debug, info, warn, error or fatal (default info)',
  },
  { flag: 'log-format', key: 'log-format', type: 'string', value: 'FORMAT', help: 'text or json (default text)' },
  {
    flag: 'group',
    key: 'group',
    type: 'string',
    value: 'GROUP',
    help: 'group that may use the unix sockets (default: root only)',
  },
  {
    flag: 'tls',
    key: 'tls',
    type: 'boolean',
    help: 'TLS on tcp:// without asking clients for certificates; needs --insecure-tcp as well',
  },
  {
    flag: 'tlsverify',
    key: 'tlsverify',
    type: 'boolean',
    help: 'TLS on tcp://, clients must show a certificate of --tlscacert',
  },
  {
    flag: 'tlscacert',
    key: 'tlscacert',
    type: 'string',
    value: 'FILE',
    help: 'certificate authority that clients are checked against',
  },
  { flag: 'tlscert', key: 'tlscert', type: 'string', value: 'FILE', help: "the daemon's certificate" },
  { flag: 'tlskey', key: 'tlskey', type: 'string', value: 'FILE', help: "the daemon's key" },
  {
    flag: 'insecure-tcp',
    key: 'insecure-tcp',
    type: 'boolean',
    help: 'allow tcp:// without client certificates: whoever connects is root on this machine',
  },
  {
    flag: 'bridge',
    key: 'bridge',
    type: 'string',
    value: 'NAME',
    help: 'name of the default bridge (default corten0, or one of its own for another data root)',
  },
  { flag: 'bip', key: 'bip', type: 'string', value: 'CIDR', help: 'address of the default bridge, e.g. 172.20.0.1/16' },
  {
    flag: 'default-address-pool',
    key: 'default-address-pools',
    type: 'pools',
    value: 'base=CIDR,size=N',
    help: 'where networks take their subnets from (repeatable)',
  },
  { flag: 'dns', key: 'dns', type: 'strings', value: 'IP', help: 'name server for containers (repeatable)' },
  {
    flag: 'dns-search',
    key: 'dns-search',
    type: 'strings',
    value: 'DOMAIN',
    help: 'search domain for containers (repeatable)',
  },
  {
    flag: 'dns-opt',
    key: 'dns-opts',
    type: 'strings',
    value: 'OPTION',
    help: 'resolver option for containers (repeatable)',
  },
  {
    flag: 'mtu',
    key: 'mtu',
    type: 'number',
    value: 'N',
    help: 'MTU of the default bridge (default: of the default route)',
  },
  {
    flag: 'default-ulimit',
    key: 'default-ulimits',
    type: 'ulimits',
    value: 'NAME=SOFT[:HARD]',
    help: 'limit for containers that set none (repeatable)',
  },
  {
    flag: 'label',
    key: 'labels',
    type: 'strings',
    value: 'KEY=VALUE',
    help: 'label of the daemon, shown by info (repeatable)',
  },
  {
    flag: 'log-driver',
    key: 'log-driver',
    type: 'string',
    value: 'DRIVER',
    help: 'json-file, local or none (default json-file)',
  },
  {
    flag: 'log-opt',
    key: 'log-opts',
    type: 'map',
    value: 'KEY=VALUE',
    help: 'max-size and max-file of container logs (default 100m, 3; repeatable)',
  },
  {
    flag: 'max-concurrent-downloads',
    key: 'max-concurrent-downloads',
    type: 'number',
    value: 'N',
    help: 'layers fetched at once in a pull',
  },
];

/** Keys of dockerd's file that describe what Corten always does; accepted when they say the same. */
const alwaysOn: Readonly<Record<string, boolean>> = { 'live-restore': true };

function typeError(source: string, definition: OptionDefinition, wanted: string): Error {
  return invalidArgument('invalid-option', `${source}: "${definition.key}" must be ${wanted}`);
}

function checkType(source: string, definition: OptionDefinition, value: unknown): void {
  switch (definition.type) {
    case 'string':
      if (typeof value !== 'string') throw typeError(source, definition, 'a string');
      return;
    case 'strings':
      if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
        throw typeError(source, definition, 'a list of strings');
      }
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw typeError(source, definition, 'true or false');
      return;
    case 'number':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
        throw typeError(source, definition, 'a whole number');
      }
      return;
    case 'map':
      if (
        typeof value !== 'object' ||
        value === null ||
        !Object.values(value).every((one) => typeof one === 'string')
      ) {
        throw typeError(source, definition, 'an object of strings');
      }
      return;
    case 'pools':
      if (!Array.isArray(value)) throw typeError(source, definition, 'a list of {"base": CIDR, "size": N}');
      return;
    case 'ulimits':
      if (typeof value !== 'object' || value === null)
        throw typeError(source, definition, 'an object of {"Name", "Soft", "Hard"}');
      return;
    default:
      definition.type satisfies never;
  }
}

/** Checks the configuration file's content: unknown keys and wrong types are errors that name them. */
export function parseConfigurationFile(path: string, text: string): RawOptions {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidArgument('invalid-configuration-file', `${path} is not valid JSON`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidArgument('invalid-configuration-file', `${path} must hold one JSON object`);
  }
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const expected = alwaysOn[key];
    if (expected !== undefined) {
      if (value === expected) continue;
      throw invalidArgument(
        'invalid-option',
        `${path}: "${key}" cannot be ${JSON.stringify(value)}: Corten's containers always survive the daemon`,
      );
    }
    const definition = optionDefinitions.find((one) => one.key === key);
    if (definition === undefined || key === 'config-file') {
      throw invalidArgument('unknown-option', `${path}: unknown key "${key}"`, {
        hint: 'cortend --help lists the options',
      });
    }
    checkType(path, definition, value);
    options[key] = value;
  }
  return options;
}

/** dockerd's rule: the same directive in both places is an error, since neither could win silently. */
export function mergeOptions(flags: RawOptions, file: RawOptions, path: string): RawOptions {
  const both = Object.keys(flags).filter((key) => key in file);
  if (both.length > 0) {
    throw invalidArgument('option-given-twice', `given both as a flag and in ${path}: ${both.join(', ')}`, {
      hint: 'remove it from one of them',
    });
  }
  return { ...file, ...flags };
}

/** Options of the file that take effect on SIGHUP. */
export const reloadableKeys: readonly string[] = [
  'debug',
  'log-level',
  'labels',
  'default-ulimits',
  'log-driver',
  'log-opts',
  'max-concurrent-downloads',
];

export function warnAboutIdleOptions(options: DaemonOptions, log: Log): void {
  if (options.maxConcurrentDownloads !== undefined) {
    log.warn({}, 'max-concurrent-downloads has no effect: this version cannot pull from a registry yet');
  }
}
