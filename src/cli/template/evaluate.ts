import { functions } from './functions.ts';
import { formatValue, isObject, isTrue } from './go-value.ts';
import { templateFailure } from './lexer.ts';
import { type Node, type Operand, type Pipeline, parseTemplate } from './parser.ts';

/** Decides about a field that the object does not have: throw, or give a value. */
export type MissingField = (
  object: Readonly<Record<string, unknown>>,
  name: string,
  trail: readonly string[],
) => unknown;

/** A method is a field whose value is a function; operands after it are its arguments: {{.Label "x"}}. */
export type Method = (...values: readonly unknown[]) => unknown;

class Scope {
  readonly #variables = new Map<string, unknown>();
  readonly #outer: Scope | undefined;

  constructor(outer: Scope | undefined) {
    this.#outer = outer;
  }

  declare(name: string, value: unknown): void {
    this.#variables.set(name, value);
  }

  get(name: string): unknown {
    if (this.#variables.has(name)) return this.#variables.get(name);
    if (this.#outer === undefined) throw templateFailure(`undefined variable "$${name}"`);
    return this.#outer.get(name);
  }

  assign(name: string, value: unknown): void {
    if (this.#variables.has(name)) this.#variables.set(name, value);
    else if (this.#outer === undefined) throw templateFailure(`undefined variable "$${name}"`);
    else this.#outer.assign(name, value);
  }
}

type Interruption = 'break' | 'continue' | undefined;

class Evaluation {
  readonly #missing: MissingField;
  output = '';

  constructor(missing: MissingField) {
    this.#missing = missing;
  }

  #field(value: unknown, names: readonly string[], parameters: readonly unknown[] = []): unknown {
    let current = value;
    for (const [index, name] of names.entries()) {
      const trail = names.slice(0, index + 1);
      if (current === null || current === undefined) {
        throw templateFailure(`nil pointer evaluating .${trail.join('.')}`);
      }
      if (!isObject(current)) throw templateFailure(`can't evaluate field ${name} in ${formatValue(current)}`);
      current = Object.hasOwn(current, name) ? current[name] : this.#missing(current, name, trail);
      if (typeof current === 'function') current = Reflect.apply(current, undefined, parameters);
    }
    return current;
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): unknown {
    switch (operand.kind) {
      case 'constant':
        return operand.value;
      case 'field':
        return this.#field(dot, operand.names);
      case 'variable':
        return this.#field(scope.get(operand.name), operand.names);
      case 'pipeline':
        return this.#field(this.#pipeline(operand.pipeline, dot, scope), operand.names);
      case 'function':
        return this.#call(operand.name, []);
    }
  }

  #call(name: string, values: readonly unknown[]): unknown {
    const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (known === undefined) throw templateFailure(`function "${name}" not defined`);
    return known(...values);
  }

  #command(operands: readonly Operand[], dot: unknown, scope: Scope, piped: readonly unknown[]): unknown {
    const [first, ...others] = operands;
    if (first === undefined) return undefined;
    if (first.kind !== 'function') {
      if (others.length === 0 && piped.length === 0) return this.#operand(first, dot, scope);
      const values = [...others.map((one) => this.#operand(one, dot, scope)), ...piped];
      if (first.kind === 'field') return this.#field(dot, first.names, values);
      throw templateFailure(`can't give argument to non-function ${formatValue(this.#operand(first, dot, scope))}`);
    }
    if (first.name === 'and' || first.name === 'or') {
      let last: unknown;
      for (const one of others) {
        last = this.#operand(one, dot, scope);
        if (isTrue(last) === (first.name === 'or')) return last;
      }
      return piped.length > 0 ? piped[0] : last;
    }
    return this.#call(first.name, [...others.map((one) => this.#operand(one, dot, scope)), ...piped]);
  }

  #value(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    let value: unknown;
    for (const [index, command] of pipeline.commands.entries()) {
      value = this.#command(command, dot, scope, index === 0 ? [] : [value]);
    }
    return value;
  }

  #pipeline(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    const value = this.#value(pipeline, dot, scope);
    const [name] = pipeline.variables;
    if (name !== undefined) {
      if (pipeline.declares) scope.declare(name, value);
      else scope.assign(name, value);
    }
    return value;
  }

  run(nodes: readonly Node[], dot: unknown, scope: Scope): Interruption {
    for (const node of nodes) {
      const interruption = this.#node(node, dot, scope);
      if (interruption !== undefined) return interruption;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown, scope: Scope): Interruption {
    switch (node.kind) {
      case 'text':
        this.output += node.text;
        return undefined;
      case 'output': {
        const value = this.#pipeline(node.pipeline, dot, scope);
        if (node.pipeline.variables.length === 0) this.output += formatValue(value);
        return undefined;
      }
      case 'if':
      case 'with': {
        const inner = new Scope(scope);
        const value = this.#pipeline(node.pipeline, dot, inner);
        const body = isTrue(value) ? node.body : node.otherwise;
        return this.run(body, node.kind === 'with' && isTrue(value) ? value : dot, new Scope(inner));
      }
      case 'range':
        return this.#range(node, dot, scope);
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: unknown, scope: Scope): Interruption {
    const value = this.#value(node.pipeline, dot, scope);
    const entries = rangeEntries(value);
    if (entries.length === 0) return this.run(node.otherwise, dot, new Scope(scope));
    for (const [key, one] of entries) {
      const inner = new Scope(scope);
      const [first, second] = node.pipeline.variables;
      if (first !== undefined) inner.declare(first, second === undefined ? one : key);
      if (second !== undefined) inner.declare(second, one);
      const interruption = this.run(node.body, one, inner);
      if (interruption === 'break') break;
    }
    return undefined;
  }
}

function rangeEntries(value: unknown): (readonly [unknown, unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((one: unknown, index) => [index, one] as const);
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index] as const);
  if (isObject(value)) {
    return Object.keys(value)
      .toSorted()
      .map((key) => [key, value[key]] as const);
  }
  throw templateFailure(`range can't iterate over ${formatValue(value)}`);
}

const throwMissing: MissingField = (_object, _name, trail) => {
  throw templateFailure(`no field .${trail.join('.')}`);
};

/** A parsed template; render it for each object. Fields are JSON keys, methods are functions. */
export class Template {
  readonly #nodes: readonly Node[];
  readonly #missing: MissingField;

  constructor(source: string, missing: MissingField = throwMissing) {
    this.#nodes = parseTemplate(source);
    this.#missing = missing;
  }

  render(value: unknown): string {
    const evaluation = new Evaluation(this.#missing);
    const scope = new Scope(undefined);
    scope.declare('', value);
    evaluation.run(this.#nodes, value, scope);
    return evaluation.output;
  }
}
