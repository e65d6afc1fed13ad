import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readReplay } from '../../src/cli/load/replay-file.js';

function file(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tidegate-')), name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

test('packets: flows by client, what the client sends, cut at 300 s', async () => {
  const path = file('p.csv.gz', 'flow,t_ms,dir,bytes\n7,1000,0,10\n7,1500,1,99\n7,2000,0,20\n8,5,0,1\n7,301001,0,5\n');
  assert.deepEqual(
    (await readReplay(path)).map(({ client, times, sizes }) => ({ client, times, sizes })),
    [
      { client: '7', times: [0, 1000], sizes: [10, 20] },
      { client: '8', times: [0], sizes: [1] },
    ],
  );
  assert.equal((await readReplay(path, 1)).length, 1);
});

test('messages: seconds become milliseconds', async () => {
  const [flow] = await readReplay(file('m.csv', 'client,t,bytes\n0,100,5\n0,102.5,6\n'));
  assert.deepEqual(
    [flow.times, flow.sizes],
    [
      [0, 2500],
      [5, 6],
    ],
  );
});

test('what is wrong is named with its line', async () => {
  await assert.rejects(readReplay('/nowhere.csv'), /can't read \/nowhere\.csv/);
  await assert.rejects(readReplay(file('a.csv', 'a,b\n1,2\n')), /columns flow,t_ms,dir,bytes or client,t,bytes/);
  await assert.rejects(readReplay(file('b.csv', 'client,t,bytes\n0,1,2\n0,x,2\n')), /line 3: malformed/);
  await assert.rejects(readReplay(file('c.csv', 'client,t,bytes\n')), /no flows/);
  await assert.rejects(readReplay(file('d.csv', '')), /no flows/);
  const back = file('e.csv', 'flow,t_ms,dir,bytes\n0,10,0,2\n1,5,0,2\n0,9,0,2\n');
  await assert.rejects(readReplay(back), {
    message: /line 4: earlier than its line before/,
    hint: /what "0" did has to be in order of time/,
  });
  const cut = file('f.csv.gz', '');
  writeFileSync(cut, gzipSync(`client,t,bytes\n${'0,1,2\n'.repeat(1000)}`).subarray(0, 40));
  await assert.rejects(readReplay(cut), /can't read .*: unexpected end of file/);
});

test('a file that unpacks to a line without end is given up', async () => {
  const bomb = file('bomb.csv.gz', `client,t,bytes\n0,1,2\n${'1'.repeat(50_000_000)}`);
  await assert.rejects(readReplay(bomb), { code: 'TIDEGATE_E_REPLAY', message: /line 3 is longer than 1048576/ });
});

test('lines of other systems, and a last one without an end', async () => {
  const [flow] = await readReplay(file('w.csv', '\uFEFFclient,t,bytes\r\n0,1,5\r\n0,2,6'));
  assert.deepEqual(flow.sizes, [5, 6]);
});
