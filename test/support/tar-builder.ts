import {
  encodeHeader,
  endOfArchive,
  paddingOf,
  type TarHeader,
  tarHeader,
  tarType,
} from '../../src/image/tar-format.ts';

type Fields = Partial<Omit<TarHeader, 'name' | 'linkName'>> & { readonly linkName?: string };

/** Builds tars that no honest tool would. */
export class TarBuilder {
  readonly #parts: Buffer[] = [];

  add(name: string | Buffer, type: string, fields: Fields = {}, content: Buffer = Buffer.alloc(0)): this {
    const { linkName, ...rest } = fields;
    const header = tarHeader({
      size: content.length,
      modified: { seconds: 1_000_000_000, nanoseconds: 0 },
      mode: type === tarType.directory ? 0o755 : 0o644,
      ...rest,
      linkName: Buffer.from(linkName ?? ''),
      name: Buffer.from(name),
      type,
    });
    this.#parts.push(encodeHeader(header), content, Buffer.alloc(paddingOf(content.length)));
    return this;
  }

  file(name: string | Buffer, content = 'x', fields: Fields = {}): this {
    return this.add(name, tarType.file, fields, Buffer.from(content));
  }

  directory(name: string, fields: Fields = {}): this {
    return this.add(name, tarType.directory, fields);
  }

  symlink(name: string, target: string): this {
    return this.add(name, tarType.symlink, { linkName: target });
  }

  link(name: string, target: string): this {
    return this.add(name, tarType.link, { linkName: target });
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  end(): Buffer {
    return Buffer.concat([...this.#parts, endOfArchive]);
  }

  unfinished(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
