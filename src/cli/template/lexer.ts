import { usageFailure } from '../failure.ts';

/** The tokens inside {{ }} of Go's text/template. */
export type Token =
  | { readonly kind: 'field'; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number | bigint }
  | { readonly kind: 'punctuation'; readonly text: '|' | '(' | ')' | ':=' | '=' | ',' }
  /** Fields of a parenthesised value: `(index .Mounts 0).Source`. */
  | { readonly kind: 'chain'; readonly names: readonly string[] };

export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly source: string };

const failure = (why: string): Error =>
  usageFailure(`template parsing error: ${why}`, "templates are Go templates, for example '{{.ID}}: {{.Names}}'");

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

/** Value of a Go string literal's inside. */
function unescape(inside: string): string {
  return inside.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs, (whole, body: string) => {
    if (/^[xuU]/.test(body) && body.length > 1) return String.fromCodePoint(Number.parseInt(body.slice(1), 16));
    if (/^[0-7]{3}$/.test(body)) return String.fromCodePoint(Number.parseInt(body, 8));
    return escapes[body] ?? whole;
  });
}

const tokenPattern =
  /\s+|(?<string>"(?:[^"\\\n]|\\.)*")|(?<raw>`[^`]*`)|(?<rune>'(?:[^'\\\n]|\\.)+')|(?<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?))(?![\w.])|(?<variable>\$\w*(?:\.\w+)*)|(?<field>(?:\.[\p{L}_]\w*)+|\.)|(?<word>[\p{L}_]\w*)|(?<punctuation>:=|[|()=,])/uy;

function tokens(source: string): Token[] {
  const result: Token[] = [];
  tokenPattern.lastIndex = 0;
  let afterParenthesis = false;
  while (tokenPattern.lastIndex < source.length) {
    const at = tokenPattern.lastIndex;
    const groups = tokenPattern.exec(source)?.groups;
    if (groups === undefined) throw failure(`unexpected ${JSON.stringify(source[at] ?? '')} in {{${source}}}`);
    const { string, raw, rune, number, variable, field, word, punctuation } = groups;
    if (string !== undefined) result.push({ kind: 'string', value: unescape(string.slice(1, -1)) });
    else if (raw !== undefined) result.push({ kind: 'string', value: raw.slice(1, -1) });
    else if (rune !== undefined)
      result.push({ kind: 'number', value: unescape(rune.slice(1, -1)).codePointAt(0) ?? 0 });
    else if (number !== undefined) result.push({ kind: 'number', value: Number(number) });
    else if (variable !== undefined) {
      const [name = '', ...names] = variable.slice(1).split('.');
      result.push({ kind: 'variable', name, names });
    } else if (field !== undefined) {
      const names = field === '.' ? [] : field.slice(1).split('.');
      result.push({ kind: afterParenthesis ? 'chain' : 'field', names });
    } else if (word !== undefined) result.push({ kind: 'word', text: word });
    else if (punctuation !== undefined) {
      result.push({ kind: 'punctuation', text: punctuation as '|' | '(' | ')' | ':=' | '=' | ',' });
    }
    afterParenthesis = punctuation === ')';
  }
  return result;
}

/** End of the action that starts at `from`: the first "}}" outside of a quoted string. */
function actionEnd(template: string, from: number): number {
  let quote = '';
  for (let index = from; index < template.length; index += 1) {
    const character = template[index] ?? '';
    if (quote !== '') {
      if (character === '\\' && quote !== '`') index += 1;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === '`' || character === "'") quote = character;
    else if (template.startsWith('}}', index)) return index;
  }
  throw failure('an action {{ is not closed');
}

/** Splits a template into its texts and actions; "{{-" and "-}}" have trimmed the texts already. */
export function segments(template: string): Segment[] {
  const result: Segment[] = [];
  let position = 0;
  let trimNext = false;
  const pushText = (text: string, trimEnd: boolean): void => {
    let kept = text;
    if (trimNext) kept = kept.replace(/^[ \t\r\n]+/, '');
    if (trimEnd) kept = kept.replace(/[ \t\r\n]+$/, '');
    if (kept !== '') result.push({ kind: 'text', text: kept });
  };
  for (;;) {
    const open = template.indexOf('{{', position);
    if (open < 0) break;
    let from = open + 2;
    const trimBefore = /^-[ \t\r\n]/.test(template.slice(from, from + 2));
    if (trimBefore) from += 1;
    pushText(template.slice(position, open), trimBefore);
    if (/^\s*\/\*/.test(template.slice(from))) {
      const close = template.indexOf('*/', from);
      if (close < 0) throw failure('a comment is not closed');
      const end = actionEnd(template, close);
      trimNext = template[end - 1] === '-';
      position = end + 2;
      continue;
    }
    const end = actionEnd(template, from);
    let source = template.slice(from, end);
    trimNext = /[ \t\r\n]-$/.test(source);
    if (trimNext) source = source.slice(0, -1);
    result.push({ kind: 'action', tokens: tokens(source), source: source.trim() });
    position = end + 2;
  }
  pushText(template.slice(position), false);
  return result;
}

export { failure as templateFailure };
