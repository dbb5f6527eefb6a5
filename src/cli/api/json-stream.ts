import type { Readable } from 'node:stream';

/** JSON objects that follow each other, one a line or simply concatenated, as they arrive. */
export async function* jsonObjects(stream: Readable): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    let end = objectEnd(rest);
    while (end > 0) {
      const text = rest.slice(0, end);
      rest = rest.slice(end);
      yield JSON.parse(text);
      end = objectEnd(rest);
    }
  }
  if (rest.trim() !== '') yield JSON.parse(rest);
}

/** Index after the first complete object of `text`; 0 when it is not complete yet. */
function objectEnd(text: string): number {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return 0;
}
