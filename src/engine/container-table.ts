import { invalidArgument, notFound } from '../base/index.ts';
import type { ContainerEntry } from './container-entry.ts';
import { generateName, nameConflict, parseName } from './names.ts';
import { type DamagedContainer, damagedError } from './store.ts';

const idPrefix = /^[0-9a-f]{1,64}$/;

/** Every container by id and name, and which names are spoken for. */
export class ContainerTable {
  readonly #entries = new Map<string, ContainerEntry>();
  /** Owner's id; names of containers that are just being created included. */
  readonly #names = new Map<string, string>();
  readonly #damaged = new Map<string, DamagedContainer>();

  add(entry: ContainerEntry): void {
    this.#entries.set(entry.id, entry);
    this.#names.set(entry.name, entry.id);
  }

  addDamaged(damaged: DamagedContainer): void {
    this.#damaged.set(damaged.id, damaged);
    this.#names.set(damaged.name, damaged.id);
  }

  delete(id: string): void {
    const name = this.#entries.get(id)?.name ?? this.#damaged.get(id)?.name;
    this.#entries.delete(id);
    this.#damaged.delete(id);
    if (name !== undefined && this.#names.get(name) === id) this.#names.delete(name);
  }

  /** Newest first. */
  list(): readonly ContainerEntry[] {
    return [...this.#entries.values()].toReversed();
  }

  get(id: string): ContainerEntry | undefined {
    return this.#entries.get(id);
  }

  /** Whether a row exists for the id, be it damaged. */
  knows(id: string): boolean {
    return this.#entries.has(id) || this.#damaged.has(id);
  }

  /**
   * By id, then by name ("/" in front allowed), then by unique id prefix.
   * Throws not-found `container-not-found`, invalid-argument `ambiguous-reference`, data-loss `container-state-damaged`.
   */
  resolve(reference: string): ContainerEntry {
    const id = this.#find(reference);
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    const damaged = this.#damaged.get(id);
    throw damaged === undefined ? containerNotFound(reference) : damagedError(damaged);
  }

  findDamaged(reference: string): DamagedContainer | undefined {
    return this.#damaged.get(this.#find(reference));
  }

  #find(reference: string): string {
    if (this.knows(reference)) return reference;
    const byName = this.#names.get(reference.startsWith('/') ? reference.slice(1) : reference);
    if (byName !== undefined && this.knows(byName)) return byName;
    if (!idPrefix.test(reference)) throw containerNotFound(reference);
    const matches = [...this.#entries.keys(), ...this.#damaged.keys()].filter((id) => id.startsWith(reference));
    if (matches.length > 1) {
      throw invalidArgument(
        'ambiguous-reference',
        `multiple IDs found with provided prefix: ${reference} (${matches.length} containers)`,
        { hint: 'give more digits of the id' },
      );
    }
    const [id] = matches;
    if (id === undefined) throw containerNotFound(reference);
    return id;
  }

  /** Takes a name (or makes one up) for a container before it exists. Throws invalid-argument, conflict. */
  reserveName(wish: string | undefined, id: string): string {
    if (wish === undefined || wish === '') {
      const generated = generateName((name) => this.#names.has(name), id);
      this.#names.set(generated, id);
      return generated;
    }
    const name = parseName(wish);
    const owner = this.#names.get(name);
    if (owner !== undefined) throw nameConflict(name, owner);
    this.#names.set(name, id);
    return name;
  }

  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }
}

export function containerNotFound(reference: string): Error {
  return notFound('container-not-found', `No such container: ${reference}`);
}
