import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dockerdPath, oracleWanted, startDockerd, type TestDaemon } from '../../support/daemons.ts';
import { ImageFixture } from '../../support/image-fixture.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

/* What Docker's own daemon saves is loaded here, and the other way round. */

const skip = dockerdPath === undefined || !oracleWanted ? 'no Docker daemon as oracle' : false;
let daemon: TestDaemon | undefined;

before(async () => {
  if (skip === false) daemon = await startDockerd({ network: false });
});

after(async () => {
  await daemon?.stop();
});

const root = new TarBuilder()
  .directory('etc/')
  .file('etc/passwd', 'root:x:0:0::/:/bin/sh\n')
  .file('bin/tool', '#!/bin/sh\n', { mode: 0o4755 })
  .link('bin/same', 'bin/tool')
  .symlink('sh', '/bin/tool')
  .end();

async function docker(args: readonly string[], input?: Buffer): Promise<string> {
  assert.ok(daemon !== undefined);
  const { code, stdout, stderr } = await daemon.docker(args, input === undefined ? {} : { input });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

test('an image saved here is loaded by Docker with the same id', { skip }, async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const image = await fixture.import(root, 'from-corten:1', ['CMD ["sh", "-c"]', 'ENV A=b', 'EXPOSE 80', 'LABEL l=m']);
  const path = join(daemon?.directory ?? '', 'ours.tar');
  writeFileSync(path, await fixture.save(['from-corten:1']));
  assert.equal(await docker(['load', '-i', path]), 'Loaded image: from-corten:1');
  const shown = await docker([
    'image',
    'inspect',
    'from-corten:1',
    '--format',
    '{{.Id}} {{.Config.Cmd}} {{.Config.Env}} {{.Size}}',
  ]);
  assert.equal(shown, `${image.id} [sh -c] [A=b] ${image.size}`);
});

test('an image saved by Docker is loaded here with the same id', { skip }, async () => {
  const path = join(daemon?.directory ?? '', 'root.tar');
  writeFileSync(path, root);
  const id = await docker(['import', '--change', 'USER 7', '--change', 'CMD ["x"]', path, 'from-docker:2']);
  const saved = join(daemon?.directory ?? '', 'theirs.tar');
  await docker(['save', '-o', saved, 'from-docker:2']);
  await using fixture = new ImageFixture();
  await fixture.start();
  const { readFileSync } = await import('node:fs');
  assert.deepEqual(await fixture.load(readFileSync(saved)), [{ id, reference: 'from-docker:2' }]);
  const image = fixture.store.resolve('from-docker:2');
  assert.equal(image.defaults.user, '7');
  assert.deepEqual(image.defaults.command, ['x']);
  assert.equal(image.size, Number(await docker(['image', 'inspect', 'from-docker:2', '--format', '{{.Size}}'])));
});

test('the rules and words of rmi are those of Docker', { skip }, async () => {
  const path = join(daemon?.directory ?? '', 'root2.tar');
  writeFileSync(path, new TarBuilder().file('only').end());
  const id = await docker(['import', path, 'one:1']);
  await docker(['tag', 'one:1', 'two:1']);
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  const ours = await fixture.import(new TarBuilder().file('only').end(), 'one:1');
  store.tag('one:1', 'two:1');
  const refused = await daemon?.docker(['rmi', id]);
  const theirWords = refused?.stderr
    .trim()
    .replace(/^Error response from daemon: /, '')
    .replace(id.slice(7, 19), 'ID');
  await assert.rejects(store.remove(ours.id, { force: false, prune: true }), (error: Error) => {
    assert.equal(error.message.replace(ours.id.slice(7, 19), 'ID'), theirWords);
    return true;
  });
  const words = (text: string): string => text.replaceAll(/[0-9a-f]{64}/g, 'ID');
  const theirs = words(await docker(['rmi', 'two:1', 'one:1']));
  const removals = [
    ...(await store.remove('two:1', { force: false, prune: true })),
    ...(await store.remove('one:1', { force: false, prune: true })),
  ].map((removal) => ('untagged' in removal ? `Untagged: ${removal.untagged}` : `Deleted: ${removal.deleted}`));
  assert.equal(words(removals.join('\n')), theirs);
});
