import type { CommandEntry } from './command.ts';

/** The whole command line. Modules load only when their command runs: that keeps a start of corten short. */
export const commands: readonly CommandEntry[] = [
  {
    paths: ['run', 'container run'],
    summary: 'Create a container and start it',
    load: () => import('./commands/run.ts'),
  },
  {
    paths: ['exec', 'container exec'],
    summary: 'Run a command in a running container',
    load: () => import('./commands/exec.ts'),
  },
  {
    paths: ['ps', 'container ls', 'container list', 'container ps'],
    summary: 'List containers',
    load: () => import('./commands/ps.ts'),
  },
  {
    paths: ['logs', 'container logs'],
    summary: 'Show what a container wrote',
    load: () => import('./commands/logs.ts'),
  },
  {
    paths: ['explain', 'container explain'],
    summary: 'Show what the kernel holds for a container',
    load: () => import('./commands/explain.ts'),
  },
  { paths: ['create', 'container create'], summary: 'Create a container', load: () => import('./commands/create.ts') },
  { paths: ['start', 'container start'], summary: 'Start containers', load: () => import('./commands/start.ts') },
  { paths: ['stop', 'container stop'], summary: 'Stop containers', load: () => import('./commands/stop.ts') },
  {
    paths: ['restart', 'container restart'],
    summary: 'Stop and start containers',
    load: () => import('./commands/restart.ts'),
  },
  {
    paths: ['kill', 'container kill'],
    summary: 'Send a signal to containers',
    load: () => import('./commands/kill.ts'),
  },
  {
    paths: ['rm', 'container rm', 'container remove'],
    summary: 'Remove containers',
    load: () => import('./commands/rm.ts'),
  },
  {
    paths: ['pause', 'container pause'],
    summary: 'Freeze all processes of containers',
    load: () => import('./commands/pause.ts'),
  },
  {
    paths: ['unpause', 'container unpause'],
    summary: 'Let paused containers go on',
    load: () => import('./commands/unpause.ts'),
  },
  {
    paths: ['wait', 'container wait'],
    summary: 'Wait until containers stop and print their exit statuses',
    load: () => import('./commands/wait.ts'),
  },
  {
    paths: ['attach', 'container attach'],
    summary: 'Join the streams of a running container',
    load: () => import('./commands/attach.ts'),
  },
  {
    paths: ['top', 'container top'],
    summary: 'List the processes of a container',
    load: () => import('./commands/top.ts'),
  },
  {
    paths: ['stats', 'container stats'],
    summary: 'Show the use of resources, live',
    load: () => import('./commands/stats.ts'),
  },
  { paths: ['inspect'], summary: 'Show all that is known of objects', load: () => import('./commands/inspect.ts') },
  {
    paths: ['container inspect'],
    summary: 'Show all that is known of containers',
    load: () => import('./commands/container-inspect.ts'),
  },
  {
    paths: ['rename', 'container rename'],
    summary: 'Give a container another name',
    load: () => import('./commands/rename.ts'),
  },
  {
    paths: ['update', 'container update'],
    summary: 'Change limits and restart policy',
    load: () => import('./commands/update.ts'),
  },
  { paths: ['port', 'container port'], summary: 'List published ports', load: () => import('./commands/port.ts') },
  {
    paths: ['diff', 'container diff'],
    summary: "List changes of a container's files",
    load: () => import('./commands/diff.ts'),
  },
  {
    paths: ['export', 'container export'],
    summary: "Write a container's files as a tar archive",
    load: () => import('./commands/export.ts'),
  },
  {
    paths: ['container prune'],
    summary: 'Remove all stopped containers',
    load: () => import('./commands/container-prune.ts'),
  },
  { paths: ['images', 'image ls', 'image list'], summary: 'List images', load: () => import('./commands/images.ts') },
  {
    paths: ['pull', 'image pull'],
    summary: 'Fetch an image from a registry',
    load: () => import('./commands/pull.ts'),
  },
  {
    paths: ['image bootstrap'],
    summary: 'Make a base image without a registry',
    load: () => import('./commands/image-bootstrap.ts'),
  },
  { paths: ['load', 'image load'], summary: 'Load images from an archive', load: () => import('./commands/load.ts') },
  { paths: ['save', 'image save'], summary: 'Save images to an archive', load: () => import('./commands/save.ts') },
  {
    paths: ['import', 'image import'],
    summary: 'Make an image from a root file system',
    load: () => import('./commands/import.ts'),
  },
  { paths: ['rmi', 'image rm', 'image remove'], summary: 'Remove images', load: () => import('./commands/rmi.ts') },
  { paths: ['tag', 'image tag'], summary: 'Give an image another name', load: () => import('./commands/tag.ts') },
  {
    paths: ['history', 'image history'],
    summary: 'Show the layers of an image',
    load: () => import('./commands/history.ts'),
  },
  {
    paths: ['image inspect'],
    summary: 'Show all that is known of images',
    load: () => import('./commands/image-inspect.ts'),
  },
  {
    paths: ['image prune'],
    summary: 'Remove images that nothing uses',
    load: () => import('./commands/image-prune.ts'),
  },
  { paths: ['volume ls', 'volume list'], summary: 'List volumes', load: () => import('./commands/volume-ls.ts') },
  { paths: ['volume create'], summary: 'Create a volume', load: () => import('./commands/volume-create.ts') },
  {
    paths: ['volume inspect'],
    summary: 'Show all that is known of volumes',
    load: () => import('./commands/volume-inspect.ts'),
  },
  { paths: ['volume rm', 'volume remove'], summary: 'Remove volumes', load: () => import('./commands/volume-rm.ts') },
  {
    paths: ['volume prune'],
    summary: 'Remove volumes that no container uses',
    load: () => import('./commands/volume-prune.ts'),
  },
  { paths: ['network ls', 'network list'], summary: 'List networks', load: () => import('./commands/network-ls.ts') },
  {
    paths: ['network inspect'],
    summary: 'Show all that is known of networks',
    load: () => import('./commands/network-inspect.ts'),
  },
  {
    paths: ['events', 'system events'],
    summary: 'Show what happens, as it happens',
    load: () => import('./commands/events.ts'),
  },
  { paths: ['info', 'system info'], summary: 'Show the state of the daemon', load: () => import('./commands/info.ts') },
  {
    paths: ['version'],
    summary: 'Show the versions of command line and daemon',
    load: () => import('./commands/version.ts'),
  },
  { paths: ['system df'], summary: 'Show the use of disk space', load: () => import('./commands/system-df.ts') },
  {
    paths: ['system prune'],
    summary: 'Remove everything that is not used',
    load: () => import('./commands/system-prune.ts'),
  },
  {
    paths: ['completion'],
    summary: 'Print the completion for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
];

/** The entry that the first words name, and how many words that took. */
export function findCommand(
  words: readonly string[],
): { readonly entry: CommandEntry; readonly path: string; readonly length: number } | undefined {
  for (const length of [2, 1]) {
    const path = words.slice(0, length).join(' ');
    const entry = words.length < length ? undefined : commands.find((one) => one.paths.includes(path));
    if (entry !== undefined) return { entry, path, length };
  }
  return undefined;
}
