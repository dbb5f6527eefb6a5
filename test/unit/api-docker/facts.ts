import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';

type Schema = Readonly<Record<string, unknown>>;

interface Facts {
  readonly routes: Readonly<
    Record<string, { readonly query: readonly string[]; readonly responses: Readonly<Record<string, Schema | null>> }>
  >;
  readonly definitions: Readonly<Record<string, Schema>>;
}

/** Routes, query parameters and shapes of the Engine API 1.51, facts only. */
export const facts = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../reference/engine-api-1.51.json'), 'utf8'),
) as Facts;

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields that dockerd answers null for where they were not given, though its description does not say so. */
const undescribedNulls = new Set(['MemorySwappiness', 'OomKillDisable']);

/** Swagger 2 as JSON Schema. Lists, maps and references may be null: Go's nil, which dockerd answers with as well. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (!isObject(schema)) return schema;
  const { 'x-nullable': nullable, format: _, type, $ref, enum: values, properties, ...rest } = schema;
  const converted: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) if (!name.startsWith('x-')) converted[name] = toJsonSchema(value);
  if (isObject(properties)) {
    converted['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        name,
        toJsonSchema(undescribedNulls.has(name) && isObject(value) ? { ...value, 'x-nullable': true } : value),
      ]),
    );
  }
  const mayBeNull = nullable === true || type === 'array' || type === 'object' || $ref !== undefined;
  if (typeof type === 'string') converted['type'] = mayBeNull ? [type, 'null'] : type;
  if (Array.isArray(values)) converted['enum'] = mayBeNull ? [...values, null] : values;
  if (typeof $ref === 'string') return { anyOf: [{ $ref: `facts${$ref}` }, { type: 'null' }] };
  return converted;
}

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({
  $id: 'facts',
  definitions: Object.fromEntries(
    Object.entries(facts.definitions).map(([name, schema]) => [name, toJsonSchema(schema)]),
  ),
});
const validators = new Map<string, ValidateFunction>();

/** What is wrong with an answer of a route, by the Engine API's description; "" when nothing is. */
export function complaints(route: string, status: number, answer: unknown): string {
  const schema = facts.routes[route]?.responses[String(status)];
  if (schema === undefined || schema === null) return `${route} has no described answer ${status}`;
  const key = `${route} ${status}`;
  let validate = validators.get(key);
  if (validate === undefined) {
    validate = ajv.compile(toJsonSchema(schema) as Schema);
    validators.set(key, validate);
  }
  return validate(answer) ? '' : ajv.errorsText(validate.errors);
}

/** The same for a definition, for what the description has no response of. */
export function definitionComplaints(definition: string, value: unknown): string {
  const validate = ajv.compile({ $ref: `facts#/definitions/${definition}` });
  return validate(value) ? '' : ajv.errorsText(validate.errors);
}
