import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Client, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { KedaScaler } from '../../src/admin/keda/keda-scaler.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import { until } from '../support/client.js';
import { FunctionHosts } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

/** The interface that KEDA publishes for external scalers, as its clients see it. */
const PROTO = `syntax = "proto3";
package externalscaler;
service ExternalScaler {
  rpc IsActive(ScaledObjectRef) returns (IsActiveResponse) {}
  rpc StreamIsActive(ScaledObjectRef) returns (stream IsActiveResponse) {}
  rpc GetMetricSpec(ScaledObjectRef) returns (GetMetricSpecResponse) {}
  rpc GetMetrics(GetMetricsRequest) returns (GetMetricsResponse) {}
}
message ScaledObjectRef { string name = 1; string namespace = 2; map<string, string> scalerMetadata = 3; }
message IsActiveResponse { bool result = 1; }
message GetMetricSpecResponse { repeated MetricSpec metricSpecs = 1; }
message MetricSpec { string metricName = 1; int64 targetSize = 2; double targetSizeFloat = 3; }
message GetMetricsRequest { ScaledObjectRef scaledObjectRef = 1; string metricName = 2; }
message GetMetricsResponse { repeated MetricValue metricValues = 1; }
message MetricValue { string metricName = 1; int64 metricValue = 2; double metricValueFloat = 3; }
`;

type Call = (request: unknown, done: (error: ServiceError | null, answer: unknown) => void) => void;
type KedaClient = Client &
  Record<'IsActive' | 'GetMetricSpec' | 'GetMetrics', Call> & {
    StreamIsActive(request: unknown): NodeJS.EventEmitter & { cancel(): void };
  };

const folder = mkdtempSync(join(tmpdir(), 'tidegate-keda-'));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'externalscaler.proto'), PROTO);
const definition = loadPackageDefinition(
  loadSync(join(folder, 'externalscaler.proto'), { keepCase: true, longs: Number, defaults: true }),
) as unknown as { externalscaler: { ExternalScaler: new (address: string, c: unknown) => KedaClient } };

test('KEDA asks a host over gRPC how many there should be', { timeout: 30_000 }, async () => {
  const host = await hosts.start({ scaling: { capacity: 10, startSeconds: 60, margin: 0, max: 9 } });
  const scaler = await KedaScaler.start(host, { host: '127.0.0.1', port: 0 });
  const client = new definition.externalscaler.ExternalScaler(`127.0.0.1:${scaler.port}`, credentials.createInsecure());
  const ask = async (method: 'IsActive' | 'GetMetricSpec' | 'GetMetrics', request: unknown): Promise<unknown> =>
    await new Promise((resolve, reject) => {
      client[method](request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  const reference = { name: 'tidegate', namespace: 'default', scalerMetadata: { a: 'b' } };

  assert.deepEqual(await ask('IsActive', reference), { result: true });
  const stream = client.StreamIsActive(reference);
  stream.on('error', () => {});
  const [first] = await once(stream, 'data');
  assert.deepEqual(first, { result: true });
  stream.cancel();
  assert.deepEqual(await ask('GetMetricSpec', reference), {
    metricSpecs: [{ metricName: 'tidegate_desired_replicas', targetSize: 1, targetSizeFloat: 1 }],
  });
  const wanted = { scaledObjectRef: reference, metricName: 's0-tidegate_desired_replicas' };
  await assert.rejects(ask('GetMetrics', wanted), /UNAVAILABLE: nothing is forecast yet/);
  await assert.rejects(ask('GetMetrics', { ...wanted, metricName: 'cpu' }), /NOT_FOUND: there is no metric cpu/);
  for (let i = 0; i <= 120; i++) {
    host.load.look(i * 10_000, { sessions: 25 + (i % 2), bytes: i * 1000, busyMicroseconds: i * 1000 });
  }
  for (let i = 0; i < 100 && host.load.desired === null; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const answer = (await ask('GetMetrics', wanted)) as { metricValues: { metricValue: number; metricName: string }[] };
  assert.deepEqual(answer.metricValues, [{ metricName: wanted.metricName, metricValue: 3, metricValueFloat: 3 }]);
  client.close();
  await scaler.close();
});

test('over TLS a certificate that is renewed is taken', { timeout: 60_000 }, async () => {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
  const renew = async (): Promise<Buffer> => {
    const pair = await createSelfSigned(['127.0.0.1', 'localhost'], new Date(Date.now() - 1000));
    writeFileSync(key, pair.privateKey);
    writeFileSync(cert, pair.certificate);
    return Buffer.from(pair.certificate);
  };
  const first = await renew();
  const host = await hosts.start({});
  const logged: string[] = [];
  host.on('log', (_level, message) => logged.push(message));
  const scaler = await KedaScaler.start(host, { host: '127.0.0.1', port: 0, cert, key });
  const { port } = scaler;
  const ask = async (root: Buffer): Promise<unknown> => {
    const client = new definition.externalscaler.ExternalScaler(`localhost:${port}`, credentials.createSsl(root));
    try {
      return await new Promise((resolve, reject) => {
        client.IsActive({}, (error, answer) => (error === null ? resolve(answer) : reject(error)));
      });
    } finally {
      client.close();
    }
  };
  assert.deepEqual(await ask(first), { result: true });
  const second = await renew();
  await until(async () => (await ask(second).catch(() => null)) !== null, 20_000, 'the second certificate');
  await assert.rejects(ask(first), /UNAVAILABLE/);
  writeFileSync(cert, 'none');
  await until(() => logged.includes("KEDA's certificate stays as it is"), 20_000, 'it to be told of');
  assert.deepEqual(await ask(second), { result: true });
  await scaler.close();
  await assert.rejects(ask(second), /UNAVAILABLE/);
  await assert.rejects(KedaScaler.start(host, { host: '127.0.0.1', port: 0, cert, key }), {
    code: 'TIDEGATE_E_CERTIFICATE',
  });
});
