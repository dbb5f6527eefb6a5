import type { Style } from '../format/style.ts';
import { shortId } from '../format/units.ts';
import type { Explanation, NetworkExplanation } from './model.ts';
import { aligned, drawTree, type TreeNode } from './tree.ts';
import { usageNodes } from './usage.ts';

interface Section {
  readonly title: string;
  readonly nodes: readonly TreeNode[];
}

function namespaces(explanation: Explanation): Section {
  const rows = explanation.namespaces.map(({ kind, inode, sharedWith }) => [
    kind,
    String(inode),
    sharedWith.length === 0 ? 'its own' : `shared with ${sharedWith.join(', ')}`,
  ]);
  return { title: 'Namespaces', nodes: aligned(rows).map((text) => ({ text })) };
}

/** Controllers that share a directory are drawn once. */
function cgroups(explanation: Explanation, style: Style): Section {
  const byPath = new Map<string, { controllers: string[]; values: Record<string, string> }>();
  for (const { controller, path, values } of explanation.cgroups) {
    const entry = byPath.get(path) ?? { controllers: [], values: {} };
    entry.controllers.push(controller);
    Object.assign(entry.values, values);
    byPath.set(path, entry);
  }
  const nodes = [...byPath].map(([path, { controllers, values }]) => ({
    text: `${style.bold(controllers.join(', '))} ${style.dim(path)}`,
    children: usageNodes(values, style),
  }));
  return { title: 'Control groups', nodes };
}

function layers(explanation: Explanation, style: Style): Section {
  const image = explanation.layers.map(({ diffId, directory }, index) => ({
    text: `image layer ${explanation.layers.length - index} ${style.cyan(shortId(diffId))} ${style.dim(directory)}`,
  }));
  return {
    title: 'File system, topmost first',
    nodes: [{ text: `writable layer ${style.dim('(what the container changed)')}` }, ...image],
  };
}

function mounts(explanation: Explanation): Section {
  const rows = explanation.mounts.map(({ target, type, source, options }) => [target, type, source, options]);
  return { title: 'Mounts', nodes: aligned(rows).map((text) => ({ text })) };
}

function security(explanation: Explanation, style: Style): Section {
  const { effective, bounding } = explanation.capabilities;
  const seccomp = {
    disabled: style.red('no filter: every system call is allowed'),
    strict: 'strict mode',
    filter: 'filter active',
  }[explanation.seccomp];
  const names = (capabilities: readonly string[]): string =>
    capabilities.length === 0 ? 'none' : capabilities.map((name) => name.replace(/^CAP_/, '').toLowerCase()).join(' ');
  const nodes: TreeNode[] = [
    { text: `seccomp: ${seccomp}` },
    { text: `no new privileges: ${explanation.noNewPrivileges ? 'yes' : 'no'}` },
    { text: `capabilities (${effective.length}): ${names(effective)}` },
  ];
  const hidden = bounding.filter((name) => !effective.includes(name));
  if (hidden.length > 0) nodes.push({ text: `may gain by a privileged program: ${names(hidden)}` });
  return { title: 'Privileges', nodes };
}

function network(explanation: NetworkExplanation, style: Style): Section {
  const nodes: TreeNode[] = explanation.interfaces.map((one) => {
    const wire =
      one.hostPeer === undefined
        ? ''
        : ` ${style.cyan('◄═══►')} ${style.bold(one.hostPeer)} ${style.dim('on the host')}`;
    const children: TreeNode[] = one.addresses.map((text) => ({ text }));
    if (one.macAddress !== '') children.push({ text: style.dim(`${one.macAddress}, MTU ${one.mtu}`) });
    return { text: `${style.bold(one.name)}${wire}`, children };
  });
  if (explanation.routes.length > 0) {
    const rows = explanation.routes.map((route) => [
      route.destination,
      route.gateway === undefined ? 'directly' : `via ${route.gateway}`,
      `by ${route.interface}`,
    ]);
    nodes.push({ text: 'routes', children: aligned(rows).map((text) => ({ text })) });
  }
  if (explanation.rules.length > 0) {
    nodes.push({ text: 'nftables', children: explanation.rules.map((text) => ({ text })) });
  }
  return { title: 'Network', nodes };
}

const origins = {
  'writable-layer': 'the writable layer: the container wrote it',
  'image-layer': 'a layer of the image',
  mount: 'a mount',
  missing: 'nowhere: there is no such file',
};

function fileText(file: NonNullable<Explanation['file']>, style: Style): string {
  const layer = file.layer === undefined ? '' : `\n  layer   ${style.cyan(file.layer)}`;
  return `${style.bold(file.path)}\n  comes from ${origins[file.origin]}${layer}\n  ${file.detail}\n`;
}

/** The explanation for people. With a path asked for, only where that file comes from. */
export function explanationText(explanation: Explanation, style: Style): string {
  if (explanation.file !== undefined) return fileText(explanation.file, style);
  const running = explanation.pid > 0;
  const state = running ? style.green(`process ${explanation.pid} on the host`) : style.yellow('not running');
  const sections = running
    ? [
        namespaces(explanation),
        cgroups(explanation, style),
        security(explanation, style),
        ...(explanation.network === undefined ? [] : [network(explanation.network, style)]),
        layers(explanation, style),
        mounts(explanation),
      ]
    : [layers(explanation, style)];
  const body = sections
    .filter((section) => section.nodes.length > 0)
    .map(({ title, nodes }) => `\n${style.bold(title)}\n${drawTree(nodes, style)}`)
    .join('');
  return `${style.bold(explanation.name)} ${style.dim(shortId(explanation.id))}  ${state}\n${body}`;
}
