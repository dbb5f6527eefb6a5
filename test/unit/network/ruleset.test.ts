import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addMappingsScript, deleteMappingsScript, tableScript } from '../../../src/network/ruleset.ts';

const everywhere = {
  protocol: 'tcp',
  hostAddress: '0.0.0.0',
  hostPort: 8080,
  containerAddress: '172.17.0.2',
  containerPort: 80,
};
const loopback = { ...everywhere, protocol: 'udp', hostAddress: '127.0.0.1' };

describe('the nftables table', () => {
  it('is replaced in one script that names no other table', () => {
    const script = tableScript(
      'corten-x',
      [{ bridgeName: 'corten0', subnet: '172.17.0.0/16' }],
      [everywhere, loopback],
    );
    assert.match(script, /^add table ip corten-x\ndelete table ip corten-x\ntable ip corten-x \{\n/);
    assert.equal(script.match(/\btable ip /g)?.length, 3);
    assert.ok(script.includes('elements = { tcp . 8080 : 172.17.0.2 . 80 }'));
    assert.ok(script.includes('elements = { 127.0.0.1 . udp . 8080 : 172.17.0.2 . 80 }'));
    assert.ok(!script.includes('flush'));
  });

  it('has no empty element lists, which nft refuses', () => {
    assert.doesNotMatch(tableScript('corten-x', [], []), /elements = \{\s*\}/);
  });

  it('accepts nothing on behalf of the host: base chains only pass on', () => {
    const script = tableScript('corten-x', [], []);
    for (const [, priority, policy] of script.matchAll(/hook \w+ priority ([^;]+); policy (\w+)/g)) {
      assert.ok(priority !== undefined && policy === 'accept');
    }
    assert.doesNotMatch(script, /hook input/);
  });

  it('gets and loses a port by one element', () => {
    assert.equal(
      addMappingsScript('corten-x', [everywhere, loopback]),
      'add element ip corten-x published-everywhere { tcp . 8080 : 172.17.0.2 . 80 }\n' +
        'add element ip corten-x published { 127.0.0.1 . udp . 8080 : 172.17.0.2 . 80 }\n',
    );
    assert.equal(
      deleteMappingsScript('corten-x', [loopback]),
      'delete element ip corten-x published { 127.0.0.1 . udp . 8080 }\n',
    );
  });
});
