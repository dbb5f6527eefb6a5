import { commands } from './commands.ts';
import { styleFor } from './format/style.ts';
import { globalFlags } from './global-flags.ts';
import { groups } from './groups.ts';

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}\n`).join('');
}

export function topHelp(): string {
  const style = styleFor(process.stdout);
  const single = commands.flatMap(({ paths, summary }) => {
    const [path = ''] = paths;
    return path.includes(' ') ? [] : [[path, summary] as const];
  });
  const flags = globalFlags.map((flag): readonly [string, string] => {
    const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
    return [`${short}--${flag.name}${flag.kind === 'boolean' ? '' : ` <${flag.placeholder ?? ''}>`}`, flag.summary];
  });
  return [
    'Usage: corten [OPTIONS] COMMAND\n',
    `\n${style.bold('Commands:')}\n${columns(single)}`,
    `\n${style.bold('Groups:')}\n${columns(Object.entries(groups))}`,
    `\n${style.bold('Options:')}\n${columns(flags)}`,
    '\ncorten COMMAND --help tells more of each.\n',
  ].join('');
}

export function groupHelp(group: string): string {
  const own = commands.flatMap(({ paths, summary }) => {
    const path = paths.find((one) => one.startsWith(`${group} `));
    return path === undefined ? [] : [[path.slice(group.length + 1), summary] as const];
  });
  return `Usage: corten ${group} COMMAND\n\n${groups[group] ?? ''}\n\nCommands:\n${columns(own)}`;
}
