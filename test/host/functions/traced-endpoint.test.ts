import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Endpoint } from '../../../src/host/functions/endpoints/endpoint.js';
import { ModuleEndpoint } from '../../../src/host/functions/endpoints/module-endpoint.js';
import { loadTracing, TracedEndpoint } from '../../../src/host/functions/endpoints/traced-endpoint.js';
import type { Delivery, FunctionSession } from '../../../src/host/functions/handler.js';

const exporter = new InMemorySpanExporter();
api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
const session = { id: '0-1', client: 'pseudonym' } as unknown as FunctionSession;
const delivery = { kind: 'stream', bytes: Buffer.from('four'), lengths: [4] } as unknown as Delivery;

async function traced(endpoint: Endpoint): Promise<TracedEndpoint> {
  exporter.reset();
  return new TracedEndpoint(endpoint, 'chat', await loadTracing());
}

test('each call of an endpoint is a span that tells of what, for whom, and how much', async () => {
  const endpoint = await traced(
    new ModuleEndpoint({ data: async ({ bytes }) => Buffer.concat([bytes, Buffer.from('!')]), open: () => undefined }),
  );
  endpoint.open(session);
  assert.equal(String(await endpoint.data(delivery, session)), 'four!');
  endpoint.close(session, { code: 7, reason: '', by: 'peer' });
  const spans = exporter.getFinishedSpans();
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['chat open', 'chat data', 'chat close'],
  );
  assert.deepEqual(spans[1].attributes, {
    'tidegate.function': 'chat',
    'tidegate.session': '0-1',
    'tidegate.client': 'pseudonym',
    'tidegate.kind': 'stream',
    'tidegate.bytes': 4,
    'tidegate.messages': 1,
  });
  assert.equal(spans[1].kind, api.SpanKind.INTERNAL);
  assert.equal(spans[2].attributes['tidegate.code'], 7);
});

test('a call that fails ends its span as failed, at once or later, and fails still', async () => {
  const fails = (data: Endpoint['data']): Endpoint => ({
    url: 'https://hook.test/',
    open: () => undefined,
    data,
    close: () => undefined,
  });
  const atOnce = await traced(
    fails(() => {
      throw new Error('at once');
    }),
  );
  assert.throws(() => atOnce.data(delivery, session), /at once/);
  const [span] = exporter.getFinishedSpans();
  assert.deepEqual(span.status, { code: api.SpanStatusCode.ERROR, message: 'at once' });
  assert.equal(span.kind, api.SpanKind.CLIENT);
  assert.equal(span.events[0].name, 'exception');

  const later = await traced(fails(async () => Promise.reject(new Error('later'))));
  await assert.rejects(async () => await later.data(delivery, session), /later/);
  assert.equal(exporter.getFinishedSpans()[0].status.message, 'later');
});
