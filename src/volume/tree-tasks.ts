import { close, openat2, openFlags, readDirectory, removeTreeAt, resolveFlags, Root, statAt } from '../kernel/index.ts';
import { copyContentTo } from './populate.ts';

/** Work on whole trees, which may take long: carried out in the tree worker. Plain data, since it crosses threads. */
export type TreeTask =
  | { readonly kind: 'usage'; readonly path: string }
  | { readonly kind: 'remove'; readonly parent: string; readonly name: string }
  | { readonly kind: 'copy'; readonly source: number; readonly target: string };

/** Returns bytes for `usage`, 0 otherwise. */
export function performTreeTask(task: TreeTask): number {
  switch (task.kind) {
    case 'usage':
      return treeSize(task.path);
    case 'remove': {
      using parent = Root.open(task.parent);
      if (parent.exists(task.name)) removeTreeAt(parent.descriptor, task.name);
      return 0;
    }
    case 'copy':
      copyContentTo(task.source, task.target);
      return 0;
    default:
      throw task satisfies never;
  }
}

/** Docker's rule: the apparent sizes of all that is no directory, each inode once. */
function treeSize(path: string): number {
  using root = Root.open(path);
  const seen = new Set<string>();
  let total = 0;
  const walk = (directory: number): void => {
    for (const entry of readDirectory(directory)) {
      try {
        if (entry.isDirectory()) {
          const flags = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
          const child = openat2(directory, entry.name, flags, 0, resolveFlags.beneath | resolveFlags.noCrossDevice);
          try {
            walk(child);
          } finally {
            close(child);
          }
          continue;
        }
        const status = statAt(directory, entry.name);
        const key = status.nlink > 1n ? `${status.dev}:${status.ino}` : '';
        if (key !== '' && seen.has(key)) continue;
        if (key !== '') seen.add(key);
        total += Number(status.size);
      } catch {
        // The tree is in use: what went away meanwhile, or is a mount of its own, is not counted.
      }
    }
  };
  walk(root.descriptor);
  return total;
}
