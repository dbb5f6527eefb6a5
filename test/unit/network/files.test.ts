import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostsFile } from '../../../src/network/index.ts';
import { linkName, linkPrefix, randomId, tableName } from '../../../src/network/names.ts';
import { containerResolverConfiguration, parseResolverConfiguration } from '../../../src/network/resolver.ts';

const nothing = { servers: [], search: [], options: [] };

describe('resolv.conf of a container', () => {
  const host = parseResolverConfiguration(`# comment
nameserver 127.0.0.53
nameserver 10.0.0.2 # inline
nameserver fd00::1
domain old.example
search a.example b.example
options ndots:2
options edns0
`);

  it("is the host's without servers that a container cannot reach", () => {
    assert.deepEqual(host, {
      servers: ['127.0.0.53', '10.0.0.2', 'fd00::1'],
      search: ['a.example', 'b.example'],
      options: ['ndots:2', 'edns0'],
    });
    assert.equal(
      containerResolverConfiguration(host, nothing, nothing),
      'nameserver 10.0.0.2\nsearch a.example b.example\noptions ndots:2 edns0\n',
    );
  });

  it("prefers what the container asks for, then the daemon's settings, each list by itself", () => {
    const settings = { servers: ['9.9.9.9'], search: ['daemon.example'], options: [] };
    assert.equal(
      containerResolverConfiguration(host, settings, { servers: ['1.1.1.1'], search: [], options: ['timeout:1'] }),
      'nameserver 1.1.1.1\nsearch daemon.example\noptions timeout:1\n',
    );
  });

  it('takes a given server even on loopback, and a search list of "." as none', () => {
    assert.equal(
      containerResolverConfiguration(host, nothing, { servers: ['127.0.0.1'], search: ['.'], options: [] }),
      'nameserver 127.0.0.1\noptions ndots:2 edns0\n',
    );
  });

  it('falls back to public servers when the host has none', () => {
    const local = { ...nothing, servers: ['127.0.0.1', '::1'] };
    assert.equal(containerResolverConfiguration(local, nothing, nothing), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
  });
});

describe('hosts file of a container', () => {
  it('has loopback, extra hosts, and its own name last', () => {
    const text = hostsFile({
      hostname: 'web',
      domainname: 'example.com',
      address: '172.17.0.2',
      extraHosts: ['db:10.0.0.5', 'six:fd00::5'],
    });
    const lines = text.split('\n');
    assert.equal(lines[0], '127.0.0.1\tlocalhost');
    assert.deepEqual(lines.slice(-4), ['10.0.0.5\tdb', 'fd00::5\tsix', '172.17.0.2\tweb.example.com web', '']);
  });

  it('has no own line without an address', () => {
    assert.doesNotMatch(hostsFile({ hostname: 'web', domainname: '', address: undefined, extraHosts: [] }), /web/);
  });
});

describe('names in the kernel', () => {
  it('fit, and differ from daemon to daemon', () => {
    const id = randomId();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(linkName('corten', id).length, 15);
    assert.ok(linkName('corten', id).startsWith(linkPrefix('corten')));
    assert.notEqual(linkPrefix('corten'), linkPrefix('corten2'));
    assert.equal(tableName('a/b c'), 'corten-a-b-c');
  });
});
