import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from '../../../src/image/changes.ts';
import { emptyDefaults, encodeConfiguration, parseConfiguration } from '../../../src/image/configuration.ts';

test('Dockerfile instructions set what a container inherits', () => {
  const defaults = applyChanges(emptyDefaults, [
    'CMD ["a", "b c"]',
    'ENTRYPOINT exec thing',
    'ENV A=1 B="two words" C=\'$x\'',
    'ENV D some text',
    'ENV A=3',
    'EXPOSE 80 53/udp 8000-8001',
    'LABEL "the key"="a \\"quoted\\" value"',
    'USER 1:2',
    'VOLUME ["/data"]',
    'volume /logs',
    'WORKDIR /srv',
    'WORKDIR www',
    'STOPSIGNAL SIGINT',
    'HEALTHCHECK --interval=1m30s --retries=4 CMD curl localhost',
    'ONBUILD RUN x',
  ]);
  assert.deepEqual(defaults, {
    user: '1:2',
    exposedPorts: ['80/tcp', '53/udp', '8000/tcp', '8001/tcp'],
    env: ['A=3', 'B=two words', 'C=$x', 'D=some text'],
    entrypoint: ['/bin/sh', '-c', 'exec thing'],
    command: ['a', 'b c'],
    volumes: ['/data', '/logs'],
    workingDirectory: '/srv/www',
    labels: { 'the key': 'a "quoted" value' },
    stopSignal: 'SIGINT',
    shell: undefined,
    onBuild: ['RUN x'],
    healthcheck: {
      test: ['CMD-SHELL', 'curl localhost'],
      intervalNanoseconds: 90e9,
      timeoutNanoseconds: 0,
      startPeriodNanoseconds: 0,
      startIntervalNanoseconds: 0,
      retries: 4,
    },
  });
});

test('other instructions are refused by name', () => {
  assert.throws(() => applyChanges(emptyDefaults, ['RUN rm -rf /']), /RUN is not a valid change command/);
  assert.throws(() => applyChanges(emptyDefaults, ['EXPOSE banana']), /invalid containerPort: banana/);
  assert.throws(() => applyChanges(emptyDefaults, ['LABEL "x']), /a quote is not closed/);
});

test('a configuration survives being written and read again', () => {
  const configuration = {
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    created: '2026-01-02T03:04:05Z',
    author: 'me',
    comment: 'why',
    defaults: applyChanges(emptyDefaults, ['CMD ["x"]', 'ENV A=1', 'EXPOSE 1', 'VOLUME /v', 'HEALTHCHECK NONE']),
    diffIds: [`sha256:${'1'.repeat(64)}`],
    history: [{ created: '2026-01-02T03:04:05Z', createdBy: 'x', author: '', comment: 'why', emptyLayer: false }],
  };
  assert.deepEqual(parseConfiguration(encodeConfiguration(configuration)), configuration);
});

test('hostile configurations are refused, not trusted', () => {
  const bad = [
    '[]',
    'x',
    '{"config":{"Env":[1]}}',
    '{"rootfs":{"diff_ids":["../x"]}}',
    '{"config":{"Labels":{"a":{}}}}',
    '{"history":{}}',
  ];
  for (const text of bad) {
    assert.throws(() => parseConfiguration(Buffer.from(text)), { name: 'CortenError', kind: 'invalid-argument' }, text);
  }
});
