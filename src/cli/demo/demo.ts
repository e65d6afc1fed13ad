import { AdminServer } from '../../admin/admin-server.js';
import { NodeClient } from '../../client/node-client.js';
import type { HostConfigInput } from '../../host/config.js';
import { SocketHost } from '../../host/socket-host.js';
import { Random } from '../../numeric/random.js';
import { abuseActions } from '../../predict/evaluation/abuse-shapes.js';
import { AbusiveClient } from '../load/abuse.js';
import { LoadReport } from '../load/load-report.js';
import { LoadSession } from '../load/load-session.js';

/** How a kind of client behaves: pauses, s, and bytes of what it sends, drawn from a range on a logarithmic scale. */
interface Kind {
  name: string;
  clients: number;
  pause: [number, number];
  bytes: [number, number];
}

/** People who chat, sensors, cameras: made up, each a shape that everybody knows. */
const KINDS: readonly Kind[] = [
  { name: 'chat', clients: 8, pause: [0.5, 12], bytes: [40, 400] },
  { name: 'sensor', clients: 5, pause: [0.98, 1.02], bytes: [180, 220] },
  { name: 'camera', clients: 3, pause: [0.2, 0.6], bytes: [20_000, 90_000] },
];

/** Seconds after which one that means no good shows up, and for which it stays. */
const ABUSER_AFTER = 20;
const ABUSER_SECONDS = 600;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Clients of a few kinds that use a host until they are told to stop. */
class DemoClients {
  #isOver = false;
  #abuser: AbusiveClient | null = null;
  readonly #report = new LoadReport();
  readonly #random = new Random(Date.now() & 0xffff).next;

  constructor(
    readonly client: NodeClient,
    readonly url: string,
  ) {}

  #between([low, high]: [number, number]): number {
    return low * (high / low) ** this.#random();
  }

  start(): void {
    for (const kind of KINDS) {
      for (let i = 0; i < kind.clients; i++) void this.#behave(kind, i).catch(() => {});
    }
    void this.#abuse().catch(() => {});
  }

  /** Sessions of a client, each for a minute or so, one after the other: it comes back. */
  async #behave(kind: Kind, number: number): Promise<void> {
    await sleep(5000 * this.#random());
    while (!this.#isOver) {
      const session = new LoadSession(this.#report, 0);
      const { session: opened } = await this.client.connect(`${this.url}/echo?client=${kind.name}-${number}`, session);
      session.session = opened;
      const until = performance.now() + 1000 * this.#between([40, 180]);
      while (!this.#isOver && performance.now() < until && session.closed === null) {
        session.sendSized(Math.round(this.#between(kind.bytes)));
        this.client.driver.scheduleFlush();
        await sleep(1000 * this.#between(kind.pause));
      }
      opened.close();
      this.client.driver.scheduleFlush();
      await sleep(2000 * this.#random());
    }
  }

  async #abuse(): Promise<void> {
    await sleep(ABUSER_AFTER * 1000);
    if (this.#isOver) return;
    this.#abuser = new AbusiveClient(this.client, new URL(`${this.url}/sink`), 'abuser');
    await this.#abuser.play(abuseActions('drip', ABUSER_SECONDS, this.#random));
  }

  stop(): void {
    this.#isOver = true;
    this.#abuser?.stop();
  }
}

/**
 * Runs `tidegate demo`: a host with its dashboard, and made-up clients of several kinds that come and go, one of them with no
 * good in mind. Resolves on SIGINT or SIGTERM, or after `seconds`.
 */
export async function demo(
  config: HostConfigInput,
  { json, seconds }: { json?: boolean; seconds?: number },
): Promise<void> {
  const host = new SocketHost({ ...config, port: config.port ?? 0, adminPort: config.adminPort ?? 0, drainTimeout: 1 });
  host.on('level', ({ client, from, to, reason }) => {
    if (!json) console.log(`  ${client} goes from level ${from} to ${to}: ${reason}`);
  });
  await host.start();
  const admin = await AdminServer.start(host).catch(async (error) => {
    await host.close(0);
    throw error;
  });
  const { url, certificateHash } = host;
  if (json) console.log(JSON.stringify({ url, certificateHash, adminUrl: admin.url }));
  else {
    console.log(`Tidegate serves ${url}, and clients are on their way.`);
    console.log(`  dashboard   ${admin.url}/`);
    console.log(
      `Within half a minute forecasts lead the traffic; after ${ABUSER_AFTER} s somebody drips bytes. Ctrl-C ends it.`,
    );
  }
  const client = await NodeClient.create({ certificateHashes: [certificateHash] });
  const clients = new DemoClients(client, url);
  clients.start();
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
  });
  clients.stop();
  await client.close();
  await host.close();
  await admin.close();
}
