import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CortenError } from '../../../src/base/index.ts';
import { parseCommandLine } from '../../../src/daemon/command-line.ts';
import { mergeOptions, parseConfigurationFile } from '../../../src/daemon/options.ts';
import { parseOptions } from '../../../src/daemon/parse-options.ts';

function refused(code: string, text: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof CortenError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });
}

const parse = (...argv: readonly string[]): ReturnType<typeof parseOptions> =>
  parseOptions(parseCommandLine(argv, '0'));

describe('command line of cortend', () => {
  it('has defaults for everything', () => {
    const options = parse();
    assert.deepEqual(options.hosts, ['unix:///run/corten/corten.sock']);
    assert.equal(options.dataRoot, '/var/lib/corten');
    assert.equal(options.pidfile, '/run/corten/cortend.pid');
    assert.equal(options.logLevel, 'info');
    assert.equal(options.logDriver, 'json-file');
  });

  it('reads every flag', () => {
    const options = parse(
      ...[
        '-H',
        'unix:///tmp/a.sock',
        '-H',
        'unix:///tmp/b.sock',
        '-D',
        '--data-root',
        '/d/',
        '--exec-root',
        '/e',
        '--group',
        'staff',
      ],
      ...[
        '--bip',
        '172.20.0.1/16',
        '--default-address-pool',
        'base=10.1.0.0/16,size=24',
        '--dns',
        '1.1.1.1',
        '--dns-search',
        'x.test',
      ],
      ...[
        '--default-ulimit',
        'nofile=10:20',
        '--label',
        'a=b',
        '--log-opt',
        'max-size=1m',
        '--max-concurrent-downloads',
        '5',
        '--mtu',
        '1400',
      ],
    );
    assert.deepEqual(options.hosts, ['unix:///tmp/a.sock', 'unix:///tmp/b.sock']);
    assert.equal(options.logLevel, 'debug');
    assert.equal(options.dataRoot, '/d');
    assert.equal(options.pidfile, '/e/cortend.pid');
    assert.deepEqual(options.addressPools, [{ base: '10.1.0.0/16', size: 24 }]);
    assert.deepEqual(options.ulimits, [{ name: 'nofile', soft: 10, hard: 20 }]);
    assert.deepEqual(options.logOptions, { 'max-size': '1m' });
    assert.equal(options.maxConcurrentDownloads, 5);
    assert.equal(options.mtu, 1400);
  });

  it('names an unknown flag', () => {
    assert.throws(() => parse('--no-such-flag'), /no-such-flag/);
  });

  for (const [argv, code, text] of [
    [['-H', 'tcp://0.0.0.0:2375'], 'insecure-tcp', /without client certificates/],
    [['-H', 'http://x'], 'invalid-option', /neither unix/],
    [['--tlsverify'], 'invalid-option', /--tlscert/],
    [['--tlsverify', '--tlscert', 'a', '--tlskey', 'b'], 'invalid-option', /--tlscacert/],
    [['--bip', '300.1.1.1/16'], 'invalid-option', /bip/],
    [['--bip', '10.0.0.1/33'], 'invalid-option', /bip/],
    [['--dns', 'nonsense'], 'invalid-option', /nonsense/],
    [['--data-root', 'relative'], 'invalid-option', /absolute/],
    [['--log-level', 'loud'], 'invalid-option', /loud/],
    [['--log-driver', 'syslog'], 'invalid-option', /syslog/],
    [['--label', 'novalue'], 'invalid-option', /novalue/],
    [['--default-ulimit', 'nofile'], 'invalid-option', /nofile/],
    [['--default-ulimit', 'nofile=9:3'], 'invalid-option', /nofile/],
    [['--default-address-pool', 'base=10.0.0.0/8'], 'invalid-option', /base=CIDR,size=N/],
    [['--default-address-pool', 'base=10.0.0.0/16,size=8'], 'invalid-option', /size 8/],
    [['--max-concurrent-downloads', 'many'], 'invalid-option', /many/],
    [['--bridge', 'a-name-that-is-too-long'], 'invalid-option', /bridge/],
  ] as const) {
    it(`refuses ${argv.join(' ')}`, () => refused(code, text, () => parse(...argv)));
  }

  it('accepts tcp with client certificates, or when insecure is spelled out', () => {
    assert.equal(
      parse('-H', 'tcp://127.0.0.1:2376', '--tlsverify', '--tlscacert', 'c', '--tlscert', 'a', '--tlskey', 'b').tls
        ?.verifyClients,
      true,
    );
    assert.equal(parse('-H', 'tcp://127.0.0.1:2375', '--insecure-tcp').insecureTcp, true);
  });
});

describe('configuration file of cortend', () => {
  it("takes dockerd's key names", () => {
    const raw = parseConfigurationFile(
      'f',
      '{"hosts": ["unix:///x"], "debug": true, "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}}',
    );
    const options = parseOptions(raw);
    assert.deepEqual(options.hosts, ['unix:///x']);
    assert.deepEqual(options.ulimits, [{ name: 'nofile', soft: 1, hard: 2 }]);
  });

  it('accepts live-restore, which is always on, and refuses to switch it off', () => {
    assert.deepEqual(parseConfigurationFile('f', '{"live-restore": true}'), {});
    refused('invalid-option', /live-restore/, () => parseConfigurationFile('f', '{"live-restore": false}'));
  });

  it('names an unknown key', () =>
    refused('unknown-option', /"storage-drivr"/, () => parseConfigurationFile('f', '{"storage-drivr": "x"}')));
  it('refuses what is not JSON', () =>
    refused('invalid-configuration-file', /valid JSON/, () => parseConfigurationFile('f', '{')));
  it('refuses a list', () =>
    refused('invalid-configuration-file', /JSON object/, () => parseConfigurationFile('f', '[]')));
  it('names a key of the wrong type', () =>
    refused('invalid-option', /"debug" must be true or false/, () => parseConfigurationFile('f', '{"debug": "yes"}')));
  it('refuses what is also a flag', () =>
    refused('option-given-twice', /bip/, () =>
      mergeOptions({ bip: '10.0.0.1/24' }, { bip: '10.0.1.1/24', dns: [] }, 'f'),
    ));
});
