/**
 * Makes test/reference/engine-api-1.51.json from the Engine API's description: routes, query parameters and shapes, without
 * a word of its texts. The description is YAML, so convert it first:
 *
 *   python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, default=str)' < v1.51.yaml |
 *     node scripts/engine-api-facts.ts > test/reference/engine-api-1.51.json
 */
import { text } from 'node:stream/consumers';

type Node = Readonly<Record<string, unknown>>;

/** What is prose, or of no use to a check. */
const dropped = new Set([
  'description',
  'example',
  'examples',
  'summary',
  'title',
  'default',
  'tags',
  'operationId',
  'externalDocs',
  'produces',
  'consumes',
  'x-go-name',
  'x-go-type',
  'x-omitempty',
  'x-enumDescriptions',
]);

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});

/** `names`: the keys are names of properties, which may be called "description" themselves. */
function facts(value: unknown, names = false): unknown {
  if (Array.isArray(value)) return value.map((entry) => facts(entry));
  if (!isNode(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => names || !dropped.has(key))
      .map(([key, entry]) => [key, facts(entry, !names && key === 'properties')]),
  );
}

function route(operation: Node): Node {
  const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].map(node) : [];
  return {
    query: parameters
      .filter((parameter) => parameter['in'] === 'query')
      .map((parameter) => String(parameter['name']))
      .toSorted(),
    responses: Object.fromEntries(
      Object.entries(node(operation['responses'])).map(([status, response]) => {
        const schema = node(response)['schema'];
        return [status, schema === undefined ? null : facts(schema)];
      }),
    ),
  };
}

/** One line an entry, so that a change of the description is a readable change of the file. */
const lines = (entries: readonly (readonly [string, unknown])[]): string =>
  entries.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(',\n');

const description = node(JSON.parse(await text(process.stdin)));
const routes = Object.entries(node(description['paths'])).flatMap(([path, methods]) =>
  Object.entries(node(methods))
    .filter(([method]) => method !== 'parameters')
    .map(([method, operation]) => [`${method.toUpperCase()} ${path}`, route(node(operation))] as const),
);
const definitions = Object.entries(node(description['definitions'])).map(
  ([name, definition]) => [name, facts(definition)] as const,
);
process.stdout.write(
  `{\n"apiVersion": "1.51",\n"routes": {\n${lines(routes)}\n},\n"definitions": {\n${lines(definitions)}\n}\n}\n`,
);
