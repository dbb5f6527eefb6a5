import { type Command, text } from '../command.ts';
import { CommandFailure } from '../failure.ts';
import { print, printLine } from '../format/output.ts';
import { Template } from '../template/evaluate.ts';
import { goJson } from '../template/go-value.ts';
import { version } from '../version.ts';
import { complain } from '../format/output.ts';
import { formatFailure } from '../report.ts';

interface ServerVersion {
  readonly Version?: string;
  readonly ApiVersion?: string;
  readonly MinAPIVersion?: string;
  readonly Os?: string;
  readonly Arch?: string;
  readonly KernelVersion?: string;
  readonly GitCommit?: string;
  readonly BuildTime?: string;
  readonly Platform?: { readonly Name?: string };
  readonly Components?: readonly {
    readonly Name: string;
    readonly Version: string;
    readonly Details?: Readonly<Record<string, string>>;
  }[];
}

function lines(pairs: readonly (readonly [string, string | undefined])[]): string {
  return pairs
    .map(([name, value]) => (value === undefined || value === '' ? '' : ` ${`${name}:`.padEnd(20)}${value}\n`))
    .join('');
}

function serverText(server: ServerVersion): string {
  const head = `\nServer: ${server.Platform?.Name ?? ''}`.trimEnd();
  return `${head}\n${lines([
    ['Version', server.Version],
    ['API version', `${server.ApiVersion ?? ''} (minimum version ${server.MinAPIVersion ?? ''})`],
    ['Kernel', server.KernelVersion],
    ['OS/Arch', `${server.Os ?? ''}/${server.Arch ?? ''}`],
    ['Git commit', server.GitCommit],
    ['Built', server.BuildTime],
    ...(server.Components ?? []).map((one) => [one.Name, one.Version] as const),
  ])}`;
}

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [text('format', 'template', 'json or a Go template', { short: 'f' })],
  async run({ client, flags }) {
    let server: ServerVersion | undefined;
    let failure: CommandFailure | undefined;
    try {
      server = (await client.json('GET', '/version')) as ServerVersion;
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      failure = error;
    }
    const own = {
      Version: version,
      ApiVersion: client.apiVersion,
      Os: process.platform,
      Arch: process.arch === 'x64' ? 'amd64' : process.arch,
      NodeVersion: process.version,
    };
    const format = flags.text('format');
    const both = { Client: own, Server: server === undefined ? null : { ...server, APIVersion: server.ApiVersion } };
    if (format === 'json') printLine(goJson({ Client: own, Server: server ?? null }));
    else if (format !== undefined && format !== '') {
      if (failure !== undefined && /\.Server\b/.test(format)) throw failure;
      printLine(new Template(format).render({ ...both, Client: { ...own, APIVersion: own.ApiVersion } }));
    } else {
      const client = lines([
        ['Version', own.Version],
        ['API version', own.ApiVersion],
        ['Node version', own.NodeVersion],
        ['OS/Arch', `${own.Os}/${own.Arch}`],
      ]);
      print(`Client: Corten\n${client}${server === undefined ? '' : serverText(server)}`);
    }
    if (failure !== undefined) complain(formatFailure(failure));
    return failure === undefined ? 0 : 1;
  },
};
