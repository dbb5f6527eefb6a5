import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runCommand } from '../../support/command.ts';
import { type Case, suite } from '../suite.ts';

const cases: readonly Case[] = [
  {
    name: 'all cases of cases.py',
    async run(client) {
      // Debian's own interpreter, which has python3-docker, whatever else is first on the PATH.
      const result = await runCommand(
        '/usr/bin/python3',
        [join(import.meta.dirname, 'cases.py'), client.daemon.socket],
        { timeoutMs: 120_000 },
      );
      assert.equal(result.code, 0, result.stdout + result.stderr);
      assert.equal(result.stdout.match(/^ok /gm)?.length, 17);
    },
  },
];

suite('Docker SDK for Python', cases);
