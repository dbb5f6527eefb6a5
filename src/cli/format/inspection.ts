import { Template } from '../template/evaluate.ts';
import { goJson, isObject } from '../template/go-value.ts';
import { templateFailure } from '../template/lexer.ts';

/** Objects of the API that are maps with names of the user's own: a key that is missing there is no mistake. */
const maps = new Set([
  'Labels',
  'Annotations',
  'Ports',
  'Networks',
  'PortBindings',
  'ExposedPorts',
  'Volumes',
  'Options',
  'Sysctls',
  'Tmpfs',
  'Config',
  'Data',
  'StorageOpt',
  'Containers',
  'DriverOpts',
  'Status',
  'OnBuild',
]);

/** Fields that the API leaves out when they are empty. */
const optional = new Set([
  'Health',
  'Healthcheck',
  'Node',
  'SizeRw',
  'SizeRootFs',
  'StopSignal',
  'StopTimeout',
  'Shell',
  'ExposedPorts',
  'Volumes',
  'MacAddress',
  'Annotations',
  'Mounts',
  'Tmpfs',
  'Sysctls',
  'StorageOpt',
  'Init',
  'OnBuild',
  'NetworkDisabled',
  'ArgsEscaped',
  'ImageManifestDescriptor',
  'UsageData',
  'Status',
  'Variant',
  'Parent',
  'Comment',
  'Author',
  'Container',
  'DockerVersion',
  'ContainerConfig',
  'Entrypoint',
  'Cmd',
  'Env',
  'Labels',
  'GraphDriver',
  'Options',
]);

function missing(_object: unknown, name: string, trail: readonly string[]): unknown {
  const parent = trail.at(-2);
  if (parent !== undefined && maps.has(parent) && !(parent === 'Config' && trail.length <= 2)) return undefined;
  if (optional.has(name)) return null;
  throw templateFailure(`map has no entry for key "${name}"`);
}

/** What `inspect` prints for the objects it found: a JSON list, or one line each by the template. */
export function inspection(objects: readonly unknown[], format: string | undefined): string {
  if (format === 'json') return `${goJson(objects)}\n`;
  if (format === undefined || format === '') return `${goJson(objects, { indent: '    ' })}\n`;
  const template = new Template(format, missing);
  return objects.map((object) => `${template.render(isObject(object) ? object : {})}\n`).join('');
}
