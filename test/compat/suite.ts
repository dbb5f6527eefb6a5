/**
 * Cases that a real client runs against cortend and, with CORTEN_ORACLE=1 where Debian's docker.io is installed, against
 * a dockerd too: a case that Docker itself fails is an opinion, not a test.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CommandResult } from '../support/command.ts';
import { importBusybox } from '../support/busybox-image.ts';
import { oracleWanted, startCortend, startDockerd, type TestDaemon } from '../support/daemons.ts';

/** What a case gets: the daemon, and short ways to say what is expected. */
export class Client {
  readonly daemon: TestDaemon;

  constructor(daemon: TestDaemon) {
    this.daemon = daemon;
  }

  get isOracle(): boolean {
    return this.daemon.name === 'docker';
  }

  async run(...args: readonly string[]): Promise<CommandResult> {
    return await this.daemon.docker(args);
  }

  async withInput(input: string | Buffer, ...args: readonly string[]): Promise<CommandResult> {
    return await this.daemon.docker(args, { input });
  }

  /** Standard output of a command that must succeed, without the last newline. */
  async ok(...args: readonly string[]): Promise<string> {
    const result = await this.run(...args);
    assert.equal(result.code, 0, `docker ${args.join(' ')}: exit ${result.code}\n${result.stderr}\n${result.stdout}`);
    return result.stdout.replace(/\n$/, '');
  }

  /** A command that must fail with this exit code and say this on standard error. */
  async fails(code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
    const result = await this.run(...args);
    assert.match(result.stderr, message, `docker ${args.join(' ')}: exit ${result.code}`);
    assert.equal(result.code, code, `docker ${args.join(' ')}: ${result.stderr}`);
  }

  async inspect(reference: string, template: string): Promise<string> {
    return await this.ok('inspect', '--format', template, reference);
  }
}

export interface Case {
  readonly name: string;
  /** Why the oracle does not run it: a deliberate difference, or something Docker 20.10 lacks. */
  readonly notOnOracle?: string;
  readonly run: (client: Client) => Promise<void>;
}

function describeDaemon(
  title: string,
  start: () => Promise<TestDaemon>,
  cases: readonly Case[],
  oracle: boolean,
): void {
  describe(title, () => {
    let daemon: TestDaemon | undefined;
    let client: Client | undefined;
    before(async () => {
      daemon = await start();
      client = new Client(daemon);
      await importBusybox(daemon);
    });
    afterEach(async () => {
      const ids = (await daemon?.docker(['ps', '-aq']))?.stdout.split('\n').filter(Boolean) ?? [];
      if (ids.length > 0) await daemon?.docker(['rm', '-fv', ...ids]);
    });
    after(async () => await daemon?.stop());
    for (const one of cases) {
      it(one.name, oracle && one.notOnOracle !== undefined ? { skip: one.notOnOracle } : {}, async () => {
        assert.ok(client !== undefined);
        await one.run(client);
      });
    }
  });
}

/** Declares the cases for every daemon at hand. `network`: whether the oracle needs its bridge and firewall rules. */
export function suite(title: string, cases: readonly Case[], options: { readonly network?: boolean } = {}): void {
  describeDaemon(`${title}, cortend`, async () => await startCortend(), cases, false);
  if (oracleWanted)
    describeDaemon(
      `${title}, dockerd`,
      async () => await startDockerd({ network: options.network ?? false }),
      cases,
      true,
    );
}
