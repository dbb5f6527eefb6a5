import { usageFailure } from '../failure.ts';

/** --filter values as the API wants them: {"name":{"value":true}}, in JSON; undefined when there are none. */
export function parseFilters(
  given: readonly string[],
  more: Readonly<Record<string, readonly string[]>> = {},
): string | undefined {
  const result: Record<string, Record<string, boolean>> = {};
  const add = (name: string, value: string): void => {
    (result[name] ??= {})[value] = true;
  };
  for (const one of given) {
    const equals = one.indexOf('=');
    if (equals <= 0) throw usageFailure(`invalid filter '${one}'`, 'filters are written name=value');
    add(one.slice(0, equals).trim().toLowerCase(), one.slice(equals + 1).trim());
  }
  for (const [name, values] of Object.entries(more)) for (const value of values) add(name, value);
  return Object.keys(result).length === 0 ? undefined : JSON.stringify(result);
}
