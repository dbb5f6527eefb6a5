import { type Command, text } from '../command.ts';
import { complain, print, printLine } from '../format/output.ts';
import { binarySize } from '../format/units.ts';
import { Template } from '../template/evaluate.ts';
import { formatValue, goJson } from '../template/go-value.ts';

type Information = Readonly<Record<string, unknown>>;

const shown: readonly (readonly [string, string])[] = [
  ['Containers', 'Containers'],
  [' Running', 'ContainersRunning'],
  [' Paused', 'ContainersPaused'],
  [' Stopped', 'ContainersStopped'],
  ['Images', 'Images'],
  ['Server Version', 'ServerVersion'],
  ['Storage Driver', 'Driver'],
  ['Logging Driver', 'LoggingDriver'],
  ['Cgroup Driver', 'CgroupDriver'],
  ['Cgroup Version', 'CgroupVersion'],
  ['Default Runtime', 'DefaultRuntime'],
  ['Kernel Version', 'KernelVersion'],
  ['Operating System', 'OperatingSystem'],
  ['OSType', 'OSType'],
  ['Architecture', 'Architecture'],
  ['CPUs', 'NCPU'],
  ['Total Memory', 'MemTotal'],
  ['Name', 'Name'],
  ['ID', 'ID'],
  ['Root Dir', 'DockerRootDir'],
  ['Debug Mode', 'Debug'],
  ['Live Restore Enabled', 'LiveRestoreEnabled'],
];

function informationText(information: Information): string {
  const lines = shown.flatMap(([title, field]) => {
    const value = information[field];
    if (value === undefined || value === '') return [];
    return [` ${title}: ${field === 'MemTotal' ? binarySize(Number(value)) : formatValue(value)}`];
  });
  for (const [title, field] of [
    ['Security Options', 'SecurityOptions'],
    ['Labels', 'Labels'],
  ] as const) {
    const values = information[field];
    if (Array.isArray(values) && values.length > 0)
      lines.push(` ${title}:`, ...values.map((value) => `  ${formatValue(value)}`));
  }
  return `Server:\n${lines.join('\n')}\n`;
}

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [text('format', 'template', 'json or a Go template', { short: 'f' })],
  async run({ client, flags }) {
    const information = (await client.json('GET', '/info')) as Information;
    const format = flags.text('format');
    if (format === 'json') printLine(goJson(information));
    else if (format !== undefined && format !== '') printLine(new Template(format).render(information));
    else {
      print(informationText(information));
      const warnings: unknown = information['Warnings'];
      if (Array.isArray(warnings)) for (const warning of warnings) complain(formatValue(warning));
    }
    return 0;
  },
};
