import type { CommandEntry, Flag } from '../command.ts';
import { globalFlags } from '../global-flags.ts';
import { groups } from '../groups.ts';
import { type CompletionEntry, completionTable, listCommands, wordsAfter } from './table.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const flagWords = (flags: readonly Flag[]): string =>
  flags
    .flatMap((flag) => (flag.short === undefined ? [`--${flag.name}`] : [`--${flag.name}`, `-${flag.short}`]))
    .join(' ');

/** Flags that take the next word as their value. */
const valueWords = (flags: readonly Flag[]): string => flagWords(flags.filter((flag) => flag.kind !== 'boolean'));

const names = (pairs: readonly (readonly [string, string])[]): string => pairs.map(([name]) => name).join(' ');

const groupPattern = Object.keys(groups).join('|');

/** Cases of a shell's `case "$path" in`, for bash and zsh alike. */
function cases(entries: readonly CompletionEntry[], body: (entry: CompletionEntry) => string): string {
  return entries.map((entry) => `    '${entry.path}') ${body(entry)} ;;\n`).join('');
}

function bash(entries: readonly CompletionEntry[]): string {
  return `# bash completion of corten; made by: corten completion bash
_corten_flags() {
  case "$1" in
${cases(entries, (entry) => `flags='${flagWords(entry.flags)}' values='${valueWords(entry.flags)}' list="${listCommands[entry.operand]}"`)}    *) flags='' values='' list='' ;;
  esac
}

_corten_list() {
  # shellcheck disable=SC2086 # The list is a command with its arguments.
  [ -n "$1" ] && eval "corten \${host:+-H "$host"} $1" 2>/dev/null
}

_corten() {
  local word=\${COMP_WORDS[COMP_CWORD]} path='' host='' operands=0 flags values list index candidates=''
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    local one=\${COMP_WORDS[index]}
    case "$path" in
      '')
        case "$one" in
          -H | --host) host=\${COMP_WORDS[++index]} ;;
          --tlscacert | --tlscert | --tlskey) ((index++)) ;;
          -*) ;;
          *) path=$one ;;
        esac
        ;;
      ${groupPattern})
        case "$one" in -*) ;; *) path="$path $one" ;; esac
        ;;
      *)
        _corten_flags "$path"
        case "$one" in
          -*) [[ " $values " == *" $one "* ]] && ((index++)) ;;
          *) ((operands++)) ;;
        esac
        ;;
    esac
  done
  case "$path" in
    '') candidates='${names(wordsAfter(entries, ''))}'; flags='${flagWords(globalFlags)}' ;;
${Object.keys(groups)
  .map((group) => `    ${group}) candidates='${names(wordsAfter(entries, group))}'; flags='--help' ;;\n`)
  .join('')}    completion) candidates='${shells.join(' ')}' ;;
    *)
      _corten_flags "$path"
      if [[ $word != -* ]]; then
        case "$path" in
          *run | *exec | *create | *top) [ "$operands" = 0 ] && candidates=$(_corten_list "$list") ;;
          *) candidates=$(_corten_list "$list") ;;
        esac
        if [ -z "$candidates" ]; then
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
          return
        fi
      fi
      ;;
  esac
  [[ $word == -* ]] && candidates="$flags --help"
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
  # Names of images hold colons, at which bash breaks words.
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$word"
}

complete -F _corten corten
`;
}

const zshText = (text: string): string => text.replace(/'/g, "'\\''").replace(/([[\]:])/g, '\\$1');

function zshFlag(flag: Flag): string {
  const value = flag.kind === 'boolean' ? '' : `:${zshText(flag.placeholder ?? 'value')}:`;
  const equals = flag.kind === 'boolean' ? '' : '=';
  const repeat = flag.kind === 'list' ? '*' : '';
  const long = `'${repeat}--${flag.name}${equals}[${zshText(flag.summary)}]${value}'`;
  if (flag.short === undefined) return long;
  return `${long} '${repeat}-${flag.short}[${zshText(flag.summary)}]${value}'`;
}

function zsh(entries: readonly CompletionEntry[]): string {
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, summary]) => `'${name}:${zshText(summary)}'`).join(' ');
  const groupCases = Object.keys(groups)
    .map((group) => `    ${group}) choices=(${described(wordsAfter(entries, group))}) ;;\n`)
    .join('');
  const operand = (entry: CompletionEntry): string => {
    const list = listCommands[entry.operand];
    return list === '' ? "'*:file:_files'" : `'*:name:{_corten_names "${list}"}'`;
  };
  return `#compdef corten
# zsh completion of corten; made by: corten completion zsh
_corten_names() {
  local -a found
  found=(\${(f)"$(eval "corten $1" 2>/dev/null)"})
  compadd -a found
}

_corten_command() {
  case "$1" in
${cases(entries, (entry) => `_arguments -s ${entry.flags.map(zshFlag).join(' ')} '--help[Show help]' ${operand(entry)}`)}  esac
}

_corten() {
  local -a choices
  local path=''
  if (( CURRENT == 2 )); then
    choices=(${described(wordsAfter(entries, ''))})
    _describe command choices
    return
  fi
  path=$words[2]
  case "$path" in
${groupCases}  esac
  if (( \${#choices} )); then
    if (( CURRENT == 3 )); then
      _describe command choices
      return
    fi
    path="$path $words[3]"
    words=("$words[1]" "\${words[@]:3}")
    (( CURRENT -= 2 ))
  else
    words=("$words[1]" "\${words[@]:2}")
    (( CURRENT -= 1 ))
  fi
  _corten_command "$path"
}

_corten "$@"
`;
}

const fishText = (text: string): string => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;

function fish(entries: readonly CompletionEntry[]): string {
  const lines = [
    '# fish completion of corten; made by: corten completion fish',
    'function __corten_path',
    '  set -l words',
    '  for word in (commandline -opc)[2..-1]',
    "    string match -q -- '-*' $word; or set -a words $word",
    '  end',
    `  if contains -- "$words[1]" ${Object.keys(groups).join(' ')}`,
    '    echo "$words[1] $words[2]" | string trim',
    '  else',
    '    echo "$words[1]"',
    '  end',
    'end',
    'complete -c corten -f',
  ];
  const when = (path: string): string => `-n 'test (__corten_path) = "${path}"'`;
  for (const [name, summary] of wordsAfter(entries, '')) {
    lines.push(`complete -c corten ${when('')} -a ${name} -d ${fishText(summary)}`);
  }
  for (const group of Object.keys(groups)) {
    for (const [name, summary] of wordsAfter(entries, group)) {
      lines.push(`complete -c corten ${when(group)} -a ${name} -d ${fishText(summary)}`);
    }
  }
  for (const entry of entries) {
    for (const flag of entry.flags) {
      const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
      const value = flag.kind === 'boolean' ? '' : ' -r';
      lines.push(`complete -c corten ${when(entry.path)} -l ${flag.name}${short}${value} -d ${fishText(flag.summary)}`);
    }
    const list = listCommands[entry.operand];
    if (list !== '') lines.push(`complete -c corten ${when(entry.path)} -a "(corten ${list} 2>/dev/null)"`);
    else if (entry.operand === 'file') lines.push(`complete -c corten ${when(entry.path)} -F`);
  }
  return `${lines.join('\n')}\n`;
}

/** The text that a shell sources. It asks corten itself for the names of containers and images. */
export async function completionScript(shell: Shell, commands: readonly CommandEntry[]): Promise<string> {
  const entries = await completionTable(commands);
  return { bash, zsh, fish }[shell](entries);
}
