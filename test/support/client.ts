import { type ClientSession, NodeClient, type NodeClientOptions } from '../../src/client/node-client.js';
import type { SessionClose, SessionHandler } from '../../src/http3/session.js';
import type { WebTransportStream } from '../../src/http3/stream.js';
import type { HostProcess } from './host-process.js';

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Polls until `check` is true. */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
  what = 'condition',
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`timed out waiting for ${what}`);
    await sleep(20);
  }
}

/** A session that gathers what it gets. */
export class Recorder implements SessionHandler {
  datagrams: Buffer[] = [];
  closed: SessionClose | null = null;
  draining = false;
  streams: WebTransportStream[] = [];

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    this.datagrams.push(Buffer.from(bytes.subarray(start, end)));
  }

  onStream(stream: WebTransportStream): void {
    this.streams.push(stream);
  }

  onStreamsAvailable(): void {}

  onDraining(): void {
    this.draining = true;
  }

  onClosed(close: SessionClose): void {
    this.closed = close;
  }
}

export interface Opened extends ClientSession {
  recorder: Recorder;
}

/** A client that trusts `host` and flushes after what it is told. */
export class TestClient {
  private constructor(readonly client: NodeClient) {}

  static async create(host: Pick<HostProcess, 'hash'>, options: NodeClientOptions = {}): Promise<TestClient> {
    return new TestClient(await NodeClient.create({ certificateHashes: [host.hash], ...options }));
  }

  async open(url: string, headers: [string, string][] = []): Promise<Opened> {
    const recorder = new Recorder();
    return { ...(await this.client.connect(url, recorder, headers)), recorder };
  }

  flush(): void {
    this.client.driver.scheduleFlush();
  }

  /** Sends until an echo comes back: datagrams may be lost. */
  async ping(opened: Opened, timeoutMs = 5000): Promise<void> {
    const before = opened.recorder.datagrams.length;
    await until(
      async () => {
        opened.session.sendDatagram(Buffer.from('ping'));
        this.flush();
        await sleep(10);
        return opened.recorder.datagrams.length > before;
      },
      timeoutMs,
      'an echo',
    );
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

/** Writes everything to a stream, waiting where it has to, and reads the whole answer. */
export async function exchange(stream: WebTransportStream, bytes: Uint8Array, flush: () => void): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const chunk = new Uint8Array(65536);
    let left = bytes;
    let ended = false;
    const write = (): void => {
      if (ended) return;
      left = left.subarray(stream.write(left, true));
      ended = stream.isWriteDone;
      flush();
    };
    stream.handler = {
      onReadable: () => {
        while (!stream.isReadDone) {
          const length = stream.read(chunk);
          if (length < 0) return;
          parts.push(Buffer.from(chunk.subarray(0, length)));
        }
        if (stream.finished) resolve(Buffer.concat(parts));
      },
      onWritable: write,
      onReset: (code) => reject(new Error(`reset ${code}`)),
      onStopSending: (code) => reject(new Error(`stopped ${code}`)),
    };
    write();
  });
}
