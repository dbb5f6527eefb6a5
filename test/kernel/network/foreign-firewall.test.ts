import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from './world.ts';

describe("the host's own firewall", () => {
  it('decides over published ports, is left alone, and may flush everything', { timeout: 120_000 }, () => {
    const program = new URL('foreign-firewall.ts', import.meta.url).pathname;
    const results: unknown = JSON.parse(command('unshare', '--net', process.execPath, program));
    assert.ok(typeof results === 'object' && results !== null && 'warnings' in results);
    const { warnings, ...rest } = results;
    assert.match(String(warnings), /^the chain inet host-firewall forward drops forwarded packets by policy/);
    assert.deepEqual(rest, {
      refusedByHost: 'failed ETIMEDOUT',
      acceptedByHost: '198.51.100.2',
      // From the host itself nothing is forwarded.
      fromHost: '10.213.0.1',
      foreignRulesKept: true,
      afterFlush: '198.51.100.2',
      left: [],
    });
  });
});
