import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { EndpointQuestion } from '../../src/index.js';
import { until } from '../support/client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());
const limit = { timeout: 60_000 };
const greeter = moduleOf('greeter');
const herald = moduleOf('herald');

test('a variant answers clients that are thought to ask for its kind', limit, async () => {
  const host = await hosts.start({
    functions: {
      quick: { endpoint: greeter, variants: { transactional: herald } },
      bulk: { endpoint: greeter, variants: { streaming: herald } },
    },
  });
  const quick = await hosts.open(host, 'quick');
  assert.equal(textOf(await quick.request(text('hello'))), 'herald of transactional');
  const bulk = await hosts.open(host, 'bulk');
  assert.match(textOf(await bulk.request(text('hello'))), /"said":\["hello"\]/);
});

test('a program chooses among variants of any name, at the open and when another kind is foretold', limit, async () => {
  const asked: EndpointQuestion[] = [];
  const host = await hosts.start(
    {
      tick: 0.1,
      prediction: { enabled: true },
      training: { enabled: false },
      functions: { greet: { endpoint: herald, variants: { beta: greeter } } },
    },
    {
      chooseEndpoint: (question) => {
        asked.push(question);
        return question.requestType === 'transactional' ? 'beta' : 'none of these';
      },
    },
  );
  const session = await hosts.open(host, 'greet');
  assert.match(textOf(await session.request(text('hello'))), /"said":\["hello"\]/);
  // Once for the session, once more for the token that it came by.
  const [{ functionId, requestType, variants, profile }] = asked;
  assert.deepEqual([functionId, requestType, variants], ['greet', 'transactional', ['beta']]);
  assert.equal(profile.predictedRequestType, requestType);
  // It falls silent. What is chosen then is taken at the next message.
  const other = () => asked.find((question) => question.requestType !== 'transactional');
  await until(() => other() !== undefined, 30_000);
  assert.equal(other()?.client, asked.at(-1)?.client);
  await until(async () => textOf(await session.request(text('again'))).startsWith('herald'));
});

test('a variant that nobody would choose is refused, with the way out', limit, async () => {
  await assert.rejects(
    hosts.start({ functions: { greet: { endpoint: greeter, variants: { streamin: herald } } } }),
    /functions\.greet\.variants\.streamin is chosen by nobody \(name it streaming, transactional, control, or/,
  );
});

test(
  'parts of the operator that fail turn nobody away: what is usual is done, and they are told of',
  limit,
  async () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    const host = await hosts.start(
      { functions: { greet: { endpoint: herald, variants: { beta: greeter } } } },
      { identify: broken, chooseEndpoint: broken, chooseSettings: () => ({}) as never },
    );
    const lines: string[] = [];
    host.on('log', (level, message, detail) => lines.push(`${level} ${message} (${detail?.error})`));
    const session = await hosts.open(host, 'greet');
    assert.match(textOf(await session.request(text('hello'))), /^herald/);
    assert.ok(session.settings.rateLimit > 0);
    assert.deepEqual(
      lines.filter((line) => line.startsWith('error')).sort(),
      [
        'error chooseEndpoint failed: the endpoint stays (broken)',
        'error chooseSettings failed: the socket has its usual settings (bufferSize is undefined, not a number from 0 on)',
        'error identify failed: the client is known in the next best way (broken)',
      ],
      'once, though each was asked twice',
    );
    assert.deepEqual(host.hookFaults.counts, { identify: 2, chooseSettings: 2, chooseEndpoint: 2 });
  },
);
