import { invalidArgument } from '../base/index.ts';

/** Splits at white space; single and double quotes and backslashes work as in a Dockerfile's ENV and LABEL. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else if (character === quote) {
      quote = undefined;
    } else if (character === '\\' && quote !== "'" && index + 1 < text.length) {
      index += 1;
      const next = text.charAt(index);
      // Within double quotes a backslash stands for itself before anything but these.
      const kept = quote === '"' && !['"', '\\', '$'].includes(next) ? '\\' : '';
      word = `${word ?? ''}${kept}${next}`;
    } else {
      word = `${word ?? ''}${character}`;
    }
  }
  if (quote !== undefined)
    throw invalidArgument('invalid-change', 'unexpected end of statement: a quote is not closed');
  if (word !== undefined) words.push(word);
  return words;
}
