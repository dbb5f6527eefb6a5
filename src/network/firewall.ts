import { describeError, type Log } from '../base/index.ts';
import { Nftables } from '../kernel/nftables.ts';
import { NftablesGeneration } from '../kernel/nftables-generation.ts';
import {
  addMappingsScript,
  type BridgedSubnet,
  deleteMappingsScript,
  describeMapping,
  type PortMapping,
  tableScript,
} from './ruleset.ts';

export interface FirewallState {
  readonly networks: readonly BridgedSubnet[];
  readonly mappings: readonly PortMapping[];
}

/**
 * Our nftables table and its upkeep. Others may flush the whole ruleset at any time (a firewall's reload does): the
 * kernel's generation count tells that something changed, the number of rules whether our table suffered, and then the
 * table is made again from `state`.
 */
export class Firewall {
  readonly table: string;
  readonly #log: Log;
  readonly #state: () => FirewallState;
  readonly #nftables = new Nftables();
  readonly #generation = new NftablesGeneration();
  #knownGeneration = -1;
  #expectedRules = 0;

  constructor(table: string, log: Log, state: () => FirewallState) {
    this.table = table;
    this.#log = log;
    this.#state = state;
  }

  /** Makes or replaces the table, in one transaction: no packet sees it half done. */
  apply(): void {
    const { networks, mappings } = this.#state();
    this.#nftables.apply(tableScript(this.table, networks, mappings));
    this.#knownGeneration = this.#generation.current();
    this.#expectedRules = this.#generation.countRules(this.table);
  }

  /** Makes the table again when somebody removed it or its rules. About 0.02 ms when nobody changed anything. */
  repair(): void {
    const generation = this.#generation.current();
    if (generation === this.#knownGeneration) return;
    if (this.#generation.countRules(this.table) === this.#expectedRules) {
      this.#knownGeneration = generation;
      return;
    }
    this.apply();
    this.#log.warn({ table: this.table }, 'the nftables table was removed by somebody else and has been made again');
  }

  /** `state` must hold the mappings already. */
  add(mappings: readonly PortMapping[]): void {
    if (mappings.length === 0) return;
    try {
      this.#nftables.apply(addMappingsScript(this.table, mappings));
      // Not the current one: what somebody else did in between must still be noticed.
      this.#knownGeneration += 1;
    } catch (error) {
      this.#log.debug({ err: error }, `publishing by making the table again: ${describeError(error)}`);
      this.apply();
    }
  }

  /** `state` must not hold the mappings any more. Elements that are gone already are no error. */
  remove(mappings: readonly PortMapping[]): void {
    if (mappings.length === 0) return;
    try {
      this.#nftables.apply(deleteMappingsScript(this.table, mappings));
      this.#knownGeneration += 1;
    } catch (error) {
      // A transaction fails as a whole when one element, or the table, is missing.
      this.#log.debug({ err: error }, `removing published ports by making the table again: ${describeError(error)}`);
      this.apply();
    }
  }

  removeTable(): void {
    this.#nftables.apply(`add table ip ${this.table}\ndelete table ip ${this.table}\n`);
  }

  /** Rules and this container's map elements as the kernel has them, a line each. */
  explain(mappings: readonly PortMapping[]): readonly string[] {
    const present = new Set(
      ['published', 'published-everywhere'].flatMap((map) =>
        this.#nftables.query(`list map ip ${this.table} ${map}`).map((object) => JSON.stringify(object)),
      ),
    );
    const known = (mapping: PortMapping): boolean =>
      [...present].some((text) => text.includes(`"${mapping.containerAddress}",${mapping.containerPort}`));
    const lines = mappings.map(
      (mapping) => `${describeMapping(this.table, mapping)}${known(mapping) ? '' : ' (missing in the kernel)'}`,
    );
    return [...lines, ...this.#rules()];
  }

  /** Names of foreign base chains that drop forwarded packets by policy: no rule of ours can overrule them. */
  foreignForwardDrops(): readonly string[] {
    return this.#nftables.query('list chains').flatMap((object) => {
      const chain = object['chain'];
      if (typeof chain !== 'object' || chain === null) return [];
      const { family, table, name, hook, policy } = chain as Record<string, unknown>;
      if (hook !== 'forward' || policy !== 'drop' || (family !== 'ip' && family !== 'inet')) return [];
      return [`${family} ${String(table)} ${String(name)}`];
    });
  }

  close(): void {
    this.#nftables.close();
    this.#generation.close();
  }

  #rules(): readonly string[] {
    const lines: string[] = [];
    let chain: string | undefined;
    for (const line of this.#nftables.text(`list table ip ${this.table}`).split('\n')) {
      const start = /^\tchain (\S+) \{$/.exec(line);
      if (start !== null) chain = start[1];
      else if (line === '\t}') chain = undefined;
      else if (chain !== undefined && line.trim() !== '') lines.push(`chain ${chain}: ${line.trim()}`);
    }
    return lines;
  }
}
