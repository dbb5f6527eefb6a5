import { type Segment, segments, type Token, templateFailure } from './lexer.ts';

/** One operand of a command. */
export type Operand =
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'field'; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline; readonly names: readonly string[] };

/** Commands from left to right, each one's value the last argument of the next. */
export interface Pipeline {
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

interface Block<Kind extends string> {
  readonly kind: Kind;
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
  readonly source: string;
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipeline: Pipeline; readonly source: string }
  | Block<'if'>
  | Block<'with'>
  | Block<'range'>
  | { readonly kind: 'break' | 'continue' };

class PipelineParser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #position = 0;

  constructor(tokens: readonly Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  get #next(): Token | undefined {
    return this.#tokens[this.#position];
  }

  #isPunctuation(text: string, token = this.#next): boolean {
    return token?.kind === 'punctuation' && token.text === text;
  }

  parse(): Pipeline {
    const pipeline = this.#pipeline();
    if (this.#next !== undefined) throw templateFailure(`unexpected ")" in {{${this.#source}}}`);
    return pipeline;
  }

  #assignment(): { variables: string[]; declares: boolean } {
    const variables: string[] = [];
    const start = this.#position;
    for (let token = this.#next; token?.kind === 'variable' && token.names.length === 0; token = this.#next) {
      variables.push(token.name);
      this.#position += 1;
      if (this.#isPunctuation(',')) {
        this.#position += 1;
        continue;
      }
      if (this.#isPunctuation(':=') || this.#isPunctuation('=')) {
        const declares = this.#isPunctuation(':=');
        this.#position += 1;
        return { variables, declares };
      }
      break;
    }
    this.#position = start;
    return { variables: [], declares: false };
  }

  #pipeline(): Pipeline {
    const { variables, declares } = this.#assignment();
    const commands: Operand[][] = [];
    for (;;) {
      const command = this.#command();
      if (command.length === 0) throw templateFailure(`missing value in {{${this.#source}}}`);
      commands.push(command);
      if (!this.#isPunctuation('|')) break;
      this.#position += 1;
    }
    return { variables, declares, commands };
  }

  #command(): Operand[] {
    const operands: Operand[] = [];
    for (let token = this.#next; token !== undefined; token = this.#next) {
      if (token.kind === 'punctuation') {
        if (token.text === '|' || token.text === ')') break;
        if (token.text !== '(') throw templateFailure(`unexpected "${token.text}" in {{${this.#source}}}`);
        operands.push(this.#parenthesised());
        continue;
      }
      this.#position += 1;
      operands.push(operandOf(token));
    }
    return operands;
  }

  #parenthesised(): Operand {
    this.#position += 1;
    const pipeline = this.#pipeline();
    if (!this.#isPunctuation(')')) throw templateFailure(`unclosed left paren in {{${this.#source}}}`);
    this.#position += 1;
    const after = this.#next;
    if (after?.kind !== 'chain') return { kind: 'pipeline', pipeline, names: [] };
    this.#position += 1;
    return { kind: 'pipeline', pipeline, names: after.names };
  }
}

function operandOf(token: Exclude<Token, { kind: 'punctuation' }>): Operand {
  switch (token.kind) {
    case 'field':
    case 'chain':
      return { kind: 'field', names: token.names };
    case 'variable':
      return { kind: 'variable', name: token.name, names: token.names };
    case 'string':
    case 'number':
      return { kind: 'constant', value: token.value };
    case 'word':
      if (token.text === 'true' || token.text === 'false') return { kind: 'constant', value: token.text === 'true' };
      if (token.text === 'nil') return { kind: 'constant', value: null };
      return { kind: 'function', name: token.text };
  }
}

type Action = Extract<Segment, { kind: 'action' }>;

class BlockParser {
  readonly #segments: readonly Segment[];
  #position = 0;

  constructor(template: string) {
    this.#segments = segments(template);
  }

  /** Nodes up to {{end}} or {{else}} (which is left for the caller), or the end of the template at the top. */
  block(inside: string | undefined): Node[] {
    const nodes: Node[] = [];
    for (;;) {
      const segment = this.#segments[this.#position];
      if (segment === undefined) {
        if (inside !== undefined) throw templateFailure(`unexpected EOF: {{${inside}}} without {{end}}`);
        return nodes;
      }
      if (segment.kind === 'text') {
        nodes.push(segment);
        this.#position += 1;
        continue;
      }
      const first = segment.tokens[0];
      const word = first?.kind === 'word' ? first.text : '';
      if (word === 'end' || word === 'else') {
        if (inside === undefined) throw templateFailure(`unexpected {{${word}}}`);
        return nodes;
      }
      this.#position += 1;
      nodes.push(this.#action(segment, word));
    }
  }

  #action(segment: Action, word: string): Node {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#control(word, segment.tokens.slice(1), segment.source);
      case 'break':
      case 'continue':
        return { kind: word };
      case 'define':
      case 'template':
      case 'block':
        throw templateFailure(`{{${word}}} is not supported`);
      default:
        return {
          kind: 'output',
          pipeline: new PipelineParser(segment.tokens, segment.source).parse(),
          source: segment.source,
        };
    }
  }

  #control(kind: 'if' | 'with' | 'range', tokens: readonly Token[], source: string): Node {
    const pipeline = new PipelineParser(tokens, source).parse();
    const body = this.block(source);
    let otherwise: readonly Node[] = [];
    const closing = this.#segments[this.#position];
    this.#position += 1;
    const [first, second] = closing?.kind === 'action' ? closing.tokens : [];
    if (closing?.kind === 'action' && first?.kind === 'word' && first.text === 'else') {
      if (second?.kind === 'word' && (second.text === 'if' || second.text === 'with')) {
        otherwise = [this.#control(second.text, closing.tokens.slice(2), closing.source)];
      } else {
        otherwise = this.block(source);
        this.#position += 1;
      }
    }
    return { kind, pipeline, body, otherwise, source };
  }
}

export function parseTemplate(template: string): readonly Node[] {
  return new BlockParser(template).block(undefined);
}
