import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { CortenError } from '../../../src/base/index.ts';
import type { ContainerStatus, EngineService } from '../../../src/engine/index.ts';
import { configuration, createWorld, eventually, type World } from './fakes.ts';

type Command = 'start' | 'stop' | 'restart' | 'kill' | 'pause' | 'unpause' | 'exit' | 'remove' | 'force' | 'reboot';

/** What each command makes of each status; a command that is missing is refused and changes nothing. */
const transitions: Readonly<Record<string, Partial<Record<Command, ContainerStatus | 'none'>>>> = {
  created: { start: 'running', restart: 'running', remove: 'none', force: 'none' },
  running: { stop: 'exited', restart: 'running', kill: 'exited', pause: 'paused', exit: 'exited', force: 'none' },
  paused: { unpause: 'running', stop: 'exited', restart: 'running', kill: 'exited', exit: 'exited', force: 'none' },
  exited: { start: 'running', restart: 'running', remove: 'none', force: 'none' },
};

class Subject {
  readonly world: World = createWorld();
  engine: EngineService | undefined;
  id = '';

  async begin(): Promise<void> {
    this.engine = await this.world.boot();
    this.id = (await this.engine.containers.create(undefined, configuration())).id;
  }

  status(): string {
    return this.engine?.containers.list()[0]?.state.status ?? 'none';
  }

  async run(command: Command): Promise<void> {
    const { id } = this;
    const containers = this.engine?.containers;
    assert.ok(containers !== undefined);
    const options = { timeoutSeconds: 1, signal: undefined };
    switch (command) {
      case 'start':
        return await containers.start(id);
      case 'stop':
        return await containers.stop(id, options);
      case 'restart':
        return await containers.restart(id, options);
      case 'kill': {
        const { exited } = containers.wait(id, 'next-exit', AbortSignal.timeout(20_000));
        exited.catch(() => undefined);
        await containers.kill(id, 'SIGKILL');
        await exited;
        return;
      }
      case 'pause':
        return await containers.pause(id);
      case 'unpause':
        return await containers.unpause(id);
      case 'exit':
        this.world.kernel.processes.get(id)?.end(3);
        await eventually(() => !['running', 'paused'].includes(this.status()), 'the exit');
        return;
      case 'remove':
      case 'force':
        return await containers.remove(id, { force: command === 'force', volumes: true, link: false });
      case 'reboot':
        this.engine = await this.world.boot();
        return;
      default:
        command satisfies never;
    }
  }
}

const commands: readonly Command[] = [
  'start',
  'stop',
  'restart',
  'kill',
  'pause',
  'unpause',
  'exit',
  'remove',
  'force',
  'reboot',
];

describe('any sequence of commands', () => {
  it('follows the table of statuses, and refuses everything else without a change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...commands), { maxLength: 12 }), async (sequence) => {
        const subject = new Subject();
        try {
          await subject.begin();
          for (const command of sequence) {
            const before = subject.status();
            if (before === 'none') break;
            const allowed = command === 'reboot' || command === 'exit' ? before : undefined;
            const expected = transitions[before]?.[command] ?? allowed;
            if (expected === undefined) {
              await assert.rejects(subject.run(command), CortenError, `${command} of a ${before} container`);
              assert.equal(subject.status(), before);
            } else {
              await subject.run(command);
              assert.equal(subject.status(), expected, `${command} of a ${before} container`);
            }
          }
        } finally {
          await subject.world.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
