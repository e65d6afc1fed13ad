import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { fromEnvironment } from '../../src/cli/options.js';
import { program } from '../../src/cli/program.js';
import { parseConfig } from '../../src/host/config.js';

interface Container {
  args?: string[];
  command?: string[];
  env?: { name: string; value: string }[];
  ports?: { name: string; containerPort: number }[];
}

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    template?: { spec: { enableServiceLinks?: boolean; containers: Container[] } };
    ports?: { name: string; port: number; targetPort: string }[];
    triggers?: { metadata: { scalerAddress: string } }[];
  };
}

function documents(name: string): unknown[] {
  const path = fileURLToPath(new URL(`../../../deploy/${name}`, import.meta.url));
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], name);
    return document.toJS();
  });
}

const manifests = ['kubernetes.yaml', 'keda.yaml', 'prometheus.yaml'].flatMap(documents) as Manifest[];
const pods = manifests.flatMap(({ spec }) => spec.template?.spec ?? []);

function assertServes(words: readonly string[]): void {
  const serve = program.commands.find((each) => each.name() === words[0]);
  assert.equal(serve?.name(), 'serve');
  const known = new Set(serve.options.map(({ long }) => long));
  for (const word of words.filter((each) => each.startsWith('--'))) assert.ok(known.has(word), `serve has no ${word}`);
}

test('pods are started with options and variables that there are', () => {
  assert.equal(pods.length, 1);
  for (const { containers } of pods) {
    for (const { args = [], env = [] } of containers) {
      assertServes(args);
      const config = parseConfig(fromEnvironment(Object.fromEntries(env.map(({ name, value }) => [name, value]))));
      assert.equal(config.scaling.keda?.port, 9434);
    }
  }
});

test("what Kubernetes tells of Services that are called as the host is none of the host's configuration", () => {
  // As the API server does it for each Service that has an address (kubernetes.io, "Connecting Applications with Services").
  const variables: Record<string, string> = {};
  for (const { metadata, spec } of manifests.filter(({ kind }) => kind === 'Service')) {
    const name = metadata.name.toUpperCase().replaceAll('-', '_');
    variables[`${name}_SERVICE_HOST`] = '10.0.0.1';
    for (const [i, port] of (spec.ports ?? []).entries()) {
      for (const protocol of ['tcp', 'udp']) {
        const link = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
        if (i === 0) {
          variables[`${name}_SERVICE_PORT`] = String(port.port);
          variables[`${name}_PORT`] = `${protocol}://10.0.0.1:${port.port}`;
        }
        variables[`${name}_SERVICE_PORT_${port.name.toUpperCase()}`] = String(port.port);
        variables[link] = `${protocol}://10.0.0.1:${port.port}`;
        variables[`${link}_PROTO`] = protocol;
        variables[`${link}_PORT`] = String(port.port);
        variables[`${link}_ADDR`] = '10.0.0.1';
      }
    }
  }
  assert.equal(variables.TIDEGATE_PORT, 'udp://10.0.0.1:443');
  assert.equal(variables.TIDEGATE_ADMIN_PORT, 'udp://10.0.0.1:9433');
  assert.deepEqual(fromEnvironment({ ...variables, TIDEGATE_TICK: '2' }), { tick: 2 });
  assert.ok(pods.every(({ enableServiceLinks }) => enableServiceLinks === false));
});

test('Services lead to ports that pods have, and KEDA to one of a Service', () => {
  const ports = new Set(
    pods.flatMap(({ containers }) => containers.flatMap((one) => one.ports ?? [])).map((one) => one.name),
  );
  const services = manifests.filter(({ kind }) => kind === 'Service');
  for (const { spec } of services)
    for (const { targetPort } of spec.ports ?? []) assert.ok(ports.has(targetPort), targetPort);
  const addresses = services.flatMap(({ metadata, spec }) =>
    (spec.ports ?? []).map(({ port }) => `${metadata.name}.default.svc:${port}`),
  );
  const scalers = manifests.flatMap(({ spec }) => spec.triggers ?? []);
  assert.ok(scalers.length > 0);
  for (const { metadata } of scalers) assert.ok(addresses.includes(metadata.scalerAddress), metadata.scalerAddress);
});

test('the composition starts a host with options that there are', () => {
  const [compose] = documents('compose.yaml') as { services: { tidegate: { command: string[] } } }[];
  assertServes(compose.services.tidegate.command);
});
