import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLogOptions } from '../../../src/engine/log-options.ts';
import { mergeImage } from '../../../src/engine/merge-image.ts';
import { planMounts } from '../../../src/engine/mount-points.ts';
import { generateName, parseName } from '../../../src/engine/names.ts';
import { portPublications } from '../../../src/engine/port-publications.ts';
import { RestartBackoff, shouldRestart, shouldStartWithDaemon } from '../../../src/engine/restart-policy.ts';
import { parseSignal } from '../../../src/engine/signals.ts';
import type { ContainerConfiguration, MountPoint } from '../../../src/engine/types.ts';
import { validateConfiguration } from '../../../src/engine/validate-configuration.ts';
import { busybox, configuration } from './fakes.ts';

type Words = readonly string[] | undefined;

describe('what runs', () => {
  const rows: readonly (readonly [string, { e: Words; c: Words }, { e: Words; c: Words }, string[] | 'error'])[] = [
    ['the image alone', { e: undefined, c: undefined }, { e: ['/init'], c: ['serve'] }, ['/init', 'serve']],
    ['a command replaces the image’s', { e: undefined, c: ['x'] }, { e: ['/init'], c: ['serve'] }, ['/init', 'x']],
    ['an entrypoint drops the image’s command', { e: ['/e'], c: undefined }, { e: ['/init'], c: ['serve'] }, ['/e']],
    ['both', { e: ['/e'], c: ['x'] }, { e: ['/init'], c: ['serve'] }, ['/e', 'x']],
    ['[""] drops both of the image', { e: [''], c: undefined }, { e: ['/init'], c: ['serve'] }, 'error'],
    ['[""] with a command', { e: [''], c: ['x', 'y'] }, { e: ['/init'], c: ['serve'] }, ['x', 'y']],
    ['[] keeps the image’s command', { e: [], c: undefined }, { e: ['/init'], c: ['serve'] }, ['serve']],
    ['an empty command is none', { e: undefined, c: [] }, { e: undefined, c: ['serve'] }, ['serve']],
    ['nothing anywhere', { e: undefined, c: undefined }, { e: undefined, c: undefined }, 'error'],
  ];
  for (const [title, own, image, expected] of rows) {
    it(`is right for: ${title}`, () => {
      const merge = () =>
        mergeImage('f'.repeat(64), '', configuration({ entrypoint: own.e, command: own.c }), {
          ...busybox.defaults,
          entrypoint: image.e,
          command: image.c,
        });
      if (expected === 'error') assert.throws(merge, /no command specified/);
      else assert.deepEqual([merge().path, ...merge().args], expected);
    });
  }

  it('has the image’s environment, labels, ports and volumes under the user’s', () => {
    const merged = mergeImage(
      'f'.repeat(64),
      '',
      configuration({ env: ['A=1', 'B'], labels: { l: 'own' }, exposedPorts: ['80/tcp'], volumes: ['/a'], user: 'me' }),
      {
        ...busybox.defaults,
        env: ['A=image', 'B=image', 'C=3'],
        labels: { l: 'image', m: 'image' },
        exposedPorts: ['80/tcp', '53/udp'],
        volumes: ['/a', '/b'],
        user: 'image',
        workingDirectory: '/srv',
        stopSignal: 'SIGINT',
      },
    );
    assert.deepEqual(merged.env, ['A=1', 'B', 'C=3']);
    assert.deepEqual(merged.labels, { l: 'own', m: 'image' });
    assert.deepEqual(merged.exposedPorts, ['80/tcp', '53/udp']);
    assert.deepEqual(merged.volumes, ['/a', '/b']);
    const { user, workingDirectory, stopSignal, stopTimeoutSeconds } = merged;
    assert.deepEqual([user, workingDirectory, stopSignal, stopTimeoutSeconds], ['me', '/srv', 'SIGINT', 10]);
  });

  it('takes from the image what a health check leaves open', () => {
    const check = {
      test: ['CMD', 'true'],
      intervalNanoseconds: 1,
      timeoutNanoseconds: 2,
      startPeriodNanoseconds: 3,
      startIntervalNanoseconds: 4,
      retries: 5,
    };
    const own = { ...check, test: [], intervalNanoseconds: 9, timeoutNanoseconds: 0, retries: 0 };
    const { healthcheck } = mergeImage('f'.repeat(64), '', configuration({ healthcheck: own }), {
      ...busybox.defaults,
      healthcheck: check,
    });
    assert.deepEqual(healthcheck, { ...check, intervalNanoseconds: 9 });
  });
});

describe('names', () => {
  it('follow Docker’s rules', () => {
    assert.equal(parseName('/web.1_a-b'), 'web.1_a-b');
    for (const bad of ['', 'a', '/', '-web', '.web', 'we b', 'a/b', 'é2']) {
      assert.throws(
        () => parseName(bad),
        /Invalid container name \(.*\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/,
      );
    }
  });

  it('are made up: two words, free, valid', () => {
    for (let count = 0; count < 50; count += 1) {
      const name = generateName(() => false, 'x');
      assert.match(name, /^[a-z]+_[a-z]+$/);
      assert.equal(parseName(name), name);
    }
    assert.match(
      generateName((name) => !/\d$/.test(name), 'x'),
      /^[a-z]+_[a-z]+\d$/,
    );
    assert.equal(
      generateName(() => true, 'f'.repeat(64)),
      'f'.repeat(12),
    );
  });
});

describe('mounts', () => {
  const plan = (host: Partial<ContainerConfiguration['host']>, volumes: readonly string[] = []) => {
    const wanted = configuration({ host, volumes });
    const effective = mergeImage('f'.repeat(64), '', wanted, busybox.defaults);
    const other: MountPoint = {
      type: 'bind',
      name: undefined,
      source: '/other',
      target: '/from',
      readOnly: false,
      propagation: 'rprivate',
      recursive: true,
      options: [],
      mode: '',
    };
    return planMounts(wanted, effective, () => [other]);
  };

  it('are read from binds, outermost first', () => {
    const points = plan({ binds: ['/h:/a/b:ro,rslave', 'vol:/a', '/h2:/c/:z'] }).map(({ point, volume }) => ({
      kind: point.type,
      target: point.target,
      readOnly: point.readOnly,
      propagation: point.propagation,
      volume: volume?.name,
    }));
    assert.deepEqual(points, [
      { kind: 'volume', target: '/a', readOnly: false, propagation: '', volume: 'vol' },
      { kind: 'bind', target: '/c', readOnly: false, propagation: 'rprivate', volume: undefined },
      { kind: 'bind', target: '/a/b', readOnly: true, propagation: 'rslave', volume: undefined },
    ]);
  });

  it('of volumes-from give way to own ones; an image’s volume to anything', () => {
    const [only] = plan({ volumesFrom: ['x:ro'] }, ['/from']);
    assert.deepEqual([only?.point.source, only?.point.readOnly], ['/other', true]);
    const [own] = plan({ volumesFrom: ['x'], binds: ['mine:/from'] });
    assert.equal(own?.volume?.name, 'mine');
  });

  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /invalid volume specification/],
    ['a:b:c:d', /invalid volume specification/],
    ['/a:b', /mount path must be absolute/],
    ['/a:/', /destination can't be '\/'/],
    ['/a:/b:what', /invalid mode: what/],
    ['/a:/b:ro,rw', /invalid mode/],
    ['/a:/b:nocopy', /invalid mode/],
    ['/a:ro', /invalid volume specification/],
    ['./a:/b', /includes invalid characters for a local volume name/],
  ];
  for (const [bind, message] of bad) {
    it(`refuse ${JSON.stringify(bind)}`, () => assert.throws(() => plan({ binds: [bind] }), message));
  }

  it('refuse the same target twice, and unknown tmpfs options', () => {
    assert.throws(() => plan({ binds: ['/a:/x', '/b:/x/'] }), /Duplicate mount point: \/x/);
    assert.throws(() => plan({ binds: ['/a:/x'], tmpfs: { '/x': '' } }), /Duplicate mount point: \/x/);
    assert.throws(() => plan({ tmpfs: { '/x': 'evil=1' } }), /Invalid tmpfs option "evil=1"/);
    assert.deepEqual(plan({ tmpfs: { '/x': 'size=64m,exec' } }), []);
  });
});

describe('published ports', () => {
  it('are those bound, and with publish-all the exposed rest', () => {
    const portBindings = [{ containerPort: 80, protocol: 'tcp', hostAddress: '', hostPort: '8000-8010' }] as const;
    const ports = portPublications(configuration({ host: { portBindings, publishAllPorts: true } }), [
      '80/tcp',
      '53/udp',
    ]);
    assert.deepEqual(
      ports.map(({ containerPort, hostPortFirst, hostPortLast }) => [containerPort, hostPortFirst, hostPortLast]),
      [
        [80, 8000, 8010],
        [53, 0, 0],
      ],
    );
    const wrong = [{ containerPort: 80, protocol: 'tcp', hostAddress: 'x', hostPort: '' }] as const;
    assert.throws(
      () => portPublications(configuration({ host: { portBindings: wrong } }), []),
      /invalid IP address: x/,
    );
  });
});

describe('refused configurations', () => {
  const always = { name: 'always', maximumRetryCount: 0 } as const;
  const rows: readonly (readonly [Parameters<typeof configuration>[0], RegExp])[] = [
    [{ host: { autoRemove: true, restartPolicy: always } }, /can't create 'AutoRemove' container with restart policy/],
    [{ host: { restartPolicy: { name: 'always', maximumRetryCount: 3 } } }, /can only be used with 'on-failure'/],
    [
      { host: { networkMode: 'container:x', publishAllPorts: true } },
      /port publishing and the container type network mode/,
    ],
    [{ hostname: 'h', host: { networkMode: 'container:x' } }, /conflicting options: hostname and the network mode/],
    [{ hostname: 'h', host: { utsMode: 'host' } }, /conflicting options: hostname and the UTS mode/],
    [{ workingDirectory: 'rel' }, /needs to be an absolute path/],
    [{ stopSignal: 'SIGWHAT' }, /Invalid signal: SIGWHAT/],
    [{ exposedPorts: ['80/what'] }, /invalid port specification/],
    [{ host: { shmSizeBytes: -1 } }, /SHM size can not be less than 0/],
    [{ host: { oomScoreAdjust: 1001 } }, /range for oom score adj is \[-1000, 1000\]/],
    [{ host: { pidMode: 'what' } }, /invalid PID mode: what/],
    [{ host: { extraHosts: ['x:nowhere'] } }, /invalid IP address in add-host/],
    [{ env: ['A=\0'] }, /NUL/],
  ];
  for (const [changes, message] of rows) {
    it(`say ${message.source}`, () => assert.throws(() => validateConfiguration(configuration(changes)), message));
  }
});

describe('restart policies', () => {
  const run = { exitCode: 1, manuallyStopped: false, ranMilliseconds: 0, restartCount: 0 };
  it('say who runs again', () => {
    const ask = (name: 'no' | 'always' | 'on-failure' | 'unless-stopped', more: Partial<typeof run> = {}, max = 0) =>
      shouldRestart({ name, maximumRetryCount: max }, { ...run, ...more });
    assert.deepEqual([ask('no'), ask('always'), ask('unless-stopped'), ask('on-failure')], [false, true, true, true]);
    assert.equal(ask('on-failure', { exitCode: 0 }), false);
    assert.equal(ask('on-failure', { restartCount: 3 }, 3), false);
    assert.equal(ask('on-failure', { restartCount: 2 }, 3), true);
    for (const name of ['always', 'unless-stopped', 'on-failure'] as const) {
      assert.equal(ask(name, { manuallyStopped: true }), false);
    }
    const stopped = { ...run, manuallyStopped: true };
    assert.equal(shouldStartWithDaemon({ name: 'always', maximumRetryCount: 0 }, stopped), true);
    assert.equal(shouldStartWithDaemon({ name: 'unless-stopped', maximumRetryCount: 0 }, stopped), false);
  });

  it('wait longer each time, up to a minute, and begin anew after ten good seconds', () => {
    const backoff = new RestartBackoff();
    const pauses = Array.from({ length: 12 }, () => backoff.next(9_999));
    assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    assert.equal(backoff.next(10_000), 100);
  });
});

describe('small languages', () => {
  it('signals', () => {
    assert.deepEqual(['KILL', 'sigterm', '9', 'RTMIN+3', 'SIGRTMAX-1'].map(parseSignal), [9, 15, 9, 37, 63]);
    for (const bad of ['0', '65', 'SIG', 'WHAT', '-9', 'RTMIN+40'])
      assert.throws(() => parseSignal(bad), /Invalid signal/);
  });

  it('log options', () => {
    const parse = (options: Record<string, string>) => parseLogOptions({ driver: 'json-file', options });
    assert.deepEqual(parse({}), { maximumSize: 100 * 1024 ** 2, maximumFiles: 3 });
    assert.deepEqual(parse({ 'max-size': '10k', 'max-file': '5' }), { maximumSize: 10_240, maximumFiles: 5 });
    assert.equal(parse({ 'max-size': '-1' }).maximumSize, 0);
    assert.throws(() => parse({ 'max-size': 'big' }), /invalid size: 'big'/);
    assert.throws(() => parse({ 'max-file': '0' }), /max-file cannot be less than 1/);
    assert.throws(() => parse({ what: '1' }), /unknown log opt 'what' for json-file log driver/);
  });
});
