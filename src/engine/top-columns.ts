import type { ProcessEntry } from '../kernel/index.ts';

/** What the values of a row are computed with, beside the process itself. */
export interface TopContext {
  readonly nowSeconds: number;
  readonly memoryBytes: number;
  readonly userName: (uid: number) => string;
  readonly groupName: (gid: number) => string;
}

export interface TopColumn {
  readonly title: string;
  readonly value: (process: ProcessEntry, context: TopContext) => string;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** [DD-]hh:mm:ss */
export function clockTime(totalSeconds: number): string {
  const seconds = Math.floor(totalSeconds);
  const days = Math.floor(seconds / 86_400);
  const time = [Math.floor((seconds % 86_400) / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
    .map(twoDigits)
    .join(':');
  return days > 0 ? `${twoDigits(days)}-${time}` : time;
}

/** [[DD-]hh:]mm:ss */
function elapsedTime(totalSeconds: number): string {
  const seconds = Math.max(0, Math.floor(totalSeconds));
  const text = clockTime(seconds);
  return seconds < 3600 ? text.slice(3) : text;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const hourAndMinute = (date: Date): string => `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
const monthAndDay = (date: Date): string => `${months[date.getMonth()] ?? ''}${twoDigits(date.getDate())}`;

/** ps -f: the hour today, the day this year, the year otherwise. */
function startTime({ startSeconds }: ProcessEntry, { nowSeconds }: TopContext): string {
  const [start, today] = [new Date(startSeconds * 1000), new Date(nowSeconds * 1000)];
  if (start.getFullYear() !== today.getFullYear()) return String(start.getFullYear());
  return monthAndDay(start) === monthAndDay(today) ? hourAndMinute(start) : monthAndDay(start);
}

/** ps u: the hour within a day, the day otherwise. */
function bsdStart({ startSeconds }: ProcessEntry, { nowSeconds }: TopContext): string {
  const start = new Date(startSeconds * 1000);
  return nowSeconds - startSeconds > 86_400 ? monthAndDay(start) : hourAndMinute(start);
}

const bsdTime = ({ cpuSeconds }: ProcessEntry): string =>
  `${Math.floor(cpuSeconds / 60)}:${twoDigits(Math.floor(cpuSeconds % 60))}`;

function cpuPercent({ cpuSeconds, startSeconds }: ProcessEntry, { nowSeconds }: TopContext): number {
  const age = nowSeconds - startSeconds;
  return age > 0 ? (cpuSeconds / age) * 100 : 0;
}

/** The letters behind the state: < N (nice), L (locked pages), s (session leader), l (threads), + (foreground). */
function bsdState(process: ProcessEntry): string {
  const { nice, lockedBytes, pid, session, threads, terminal, foregroundGroup, processGroup } = process;
  const marks: [boolean, string][] = [
    [nice < 0, '<'],
    [nice > 0, 'N'],
    [lockedBytes > 0, 'L'],
    [pid === session, 's'],
    [threads > 1, 'l'],
    [terminal !== '?' && foregroundGroup === processGroup, '+'],
  ];
  return process.state + marks.map(([holds, mark]) => (holds ? mark : '')).join('');
}

/** What a terminal could take for a command is shown as "?", as ps does. */
const printable = (text: string): string => text.replaceAll(/[\0-\x1f\x7f]/g, '?');

function commandLine(process: ProcessEntry): string {
  if (process.state === 'Z') return `[${printable(process.command)}] <defunct>`;
  const line = printable(process.arguments.join(' '));
  return line === '' ? `[${printable(process.command)}]` : line;
}

/** Names that do not fit the column are cut, with a "+". */
const columnName = (name: string): string => (name.length > 8 ? `${name.slice(0, 7)}+` : name);

const user: TopColumn['value'] = ({ uid }, { userName }) => columnName(userName(uid));
const group: TopColumn['value'] = ({ gid }, { groupName }) => columnName(groupName(gid));
const kibibytes = (bytes: number): string => String(Math.floor(bytes / 1024));
const memoryPercent: TopColumn['value'] = ({ residentBytes }, { memoryBytes }) =>
  ((residentBytes / memoryBytes) * 100).toFixed(1);
const processorPercent: TopColumn['value'] = (process, context) => cpuPercent(process, context).toFixed(1);

/** Format specifiers of ps -o that we know. */
const columns: Readonly<Record<string, TopColumn>> = {
  pid: { title: 'PID', value: ({ pid }) => String(pid) },
  ppid: { title: 'PPID', value: ({ parentPid }) => String(parentPid) },
  pgid: { title: 'PGID', value: ({ processGroup }) => String(processGroup) },
  sid: { title: 'SID', value: ({ session }) => String(session) },
  user: { title: 'USER', value: user },
  euser: { title: 'EUSER', value: user },
  uid: { title: 'UID', value: ({ uid }) => String(uid) },
  euid: { title: 'EUID', value: ({ uid }) => String(uid) },
  group: { title: 'GROUP', value: group },
  gid: { title: 'GID', value: ({ gid }) => String(gid) },
  comm: { title: 'COMMAND', value: ({ command, state }) => printable(command) + (state === 'Z' ? ' <defunct>' : '') },
  cmd: { title: 'CMD', value: commandLine },
  args: { title: 'COMMAND', value: commandLine },
  command: { title: 'COMMAND', value: commandLine },
  s: { title: 'S', value: ({ state }) => state },
  state: { title: 'S', value: ({ state }) => state },
  stat: { title: 'STAT', value: bsdState },
  time: { title: 'TIME', value: ({ cpuSeconds }) => clockTime(cpuSeconds) },
  etime: { title: 'ELAPSED', value: ({ startSeconds }, { nowSeconds }) => elapsedTime(nowSeconds - startSeconds) },
  etimes: {
    title: 'ELAPSED',
    value: ({ startSeconds }, { nowSeconds }) => String(Math.max(0, Math.floor(nowSeconds - startSeconds))),
  },
  stime: { title: 'STIME', value: startTime },
  rss: { title: 'RSS', value: ({ residentBytes }) => kibibytes(residentBytes) },
  vsz: { title: 'VSZ', value: ({ virtualBytes }) => kibibytes(virtualBytes) },
  pcpu: { title: '%CPU', value: processorPercent },
  '%cpu': { title: '%CPU', value: processorPercent },
  pmem: { title: '%MEM', value: memoryPercent },
  '%mem': { title: '%MEM', value: memoryPercent },
  tty: { title: 'TT', value: ({ terminal }) => terminal },
  nlwp: { title: 'NLWP', value: ({ threads }) => String(threads) },
  ni: { title: 'NI', value: ({ nice }) => String(nice) },
};

/** ps -f */
const full: readonly TopColumn[] = [
  { title: 'UID', value: user },
  ...pick(['pid', 'ppid']),
  { title: 'C', value: (process, context) => String(Math.min(99, Math.floor(cpuPercent(process, context)))) },
  { title: 'STIME', value: startTime },
  { title: 'TTY', value: ({ terminal }) => terminal },
  ...pick(['time', 'cmd']),
];

/** ps u */
const userOriented: readonly TopColumn[] = [
  ...pick(['user', 'pid', '%cpu', '%mem', 'vsz', 'rss']),
  { title: 'TTY', value: ({ terminal }) => terminal },
  ...pick(['stat']),
  { title: 'START', value: bsdStart },
  { title: 'TIME', value: bsdTime },
  ...pick(['command']),
];

function pick(names: readonly string[]): readonly TopColumn[] {
  return names.flatMap((name) => columns[name] ?? []);
}

/** Selections that mean nothing here, because the container's processes are what is listed. */
const fullForms: ReadonlySet<string> = new Set(['', '-ef', '-f', '-fe', '-Af', '-fA', '-e -f', '-f -e']);
const userForms: ReadonlySet<string> = new Set(['aux', 'axu', 'u', 'au', 'xu', 'ux']);

/** The columns for arguments of ps, or undefined when only ps itself can tell. */
export function topColumns(psArguments: string): readonly TopColumn[] | undefined {
  const text = psArguments.trim().replaceAll(/\s+/g, ' ');
  if (fullForms.has(text)) return full;
  if (userForms.has(text)) return userOriented;
  return outputFormat(text.split(' '));
}

/** -o a,b -o c, also behind a selection: -eo a,b. */
function outputFormat(words: readonly string[]): readonly TopColumn[] | undefined {
  const names: string[] = [];
  const rest = [...words];
  while (rest.length > 0) {
    const match = /^(?:-[eA]?o|o|axo)(.*)$/.exec(rest.shift() ?? '');
    if (match === null) return undefined;
    const list = match[1] === '' ? rest.shift() : match[1];
    if (list === undefined) return undefined;
    names.push(...list.split(','));
  }
  const chosen = names.map((name) => (Object.hasOwn(columns, name) ? columns[name] : undefined));
  return chosen.every((column) => column !== undefined) ? chosen : undefined;
}
