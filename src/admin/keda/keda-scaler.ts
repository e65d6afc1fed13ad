import { setTimeout as sleep } from 'node:timers/promises';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { FileCertificate } from '../../host/certificate/certificate-source.js';
import type { CertificatePair } from '../../host/shard/messages.js';
import type { SocketHost } from '../../host/socket-host.js';
import { TidegateError } from '../../quic/errors.js';
import { EXTERNAL_SCALER } from './service.js';

/** The metric that is scaled by: replicas that are wanted, of which one is the target each. */
const METRIC = 'tidegate_desired_replicas';

/** ms between two looks of a stream at whether there is any load. */
const STREAM_MS = 5_000;

/** ms between two tries to listen with another certificate. */
const AGAIN_MS = 200;

export interface KedaOptions {
  host: string;
  /** 0: a free one. */
  port: number;
  /** PEM files: without them there is no TLS. */
  cert?: string | undefined;
  key?: string | undefined;
}

interface MetricsRequest {
  metricName: string;
}

/**
 * KEDA's external scaler over gRPC: the metric is how many replicas the forecast asks for by the time that a replica that is
 * started now serves, the target is one, so that KEDA starts what is needed before it is.
 */
export class KedaScaler {
  #server = new Server();
  #certificate: FileCertificate | null = null;
  #following: Promise<void> = Promise.resolve();
  #isClosed = false;
  readonly #service: Parameters<Server['addService']>;
  readonly #streams = new Set<ServerWritableStream<unknown, unknown>>();
  readonly #timer: NodeJS.Timeout;
  port = 0;

  private constructor(
    readonly host: SocketHost,
    /** As in an address. */
    readonly shown: string,
  ) {
    const definition = loadPackageDefinition(
      fromJSON(EXTERNAL_SCALER as unknown as Parameters<typeof fromJSON>[0], {
        keepCase: true,
        longs: Number,
        defaults: true,
      }),
    ) as unknown as { externalscaler: { ExternalScaler: { service: Parameters<Server['addService']>[0] } } };
    this.#service = [
      definition.externalscaler.ExternalScaler.service,
      {
        IsActive: (_call: unknown, answer: sendUnaryData<unknown>) => answer(null, { result: this.isActive }),
        StreamIsActive: (call: ServerWritableStream<unknown, unknown>) => this.#stream(call),
        GetMetricSpec: (_call: unknown, answer: sendUnaryData<unknown>) =>
          answer(null, { metricSpecs: [{ metricName: METRIC, targetSize: 1, targetSizeFloat: 1 }] }),
        GetMetrics: (call: ServerUnaryCall<MetricsRequest, unknown>, answer: sendUnaryData<unknown>) =>
          this.#metrics(call, answer),
      },
    ];
    this.#timer = setInterval(() => {
      for (const stream of this.#streams) stream.write({ result: this.isActive });
    }, STREAM_MS);
    this.#timer.unref();
  }

  /** Listens. Throws TIDEGATE_E_LISTEN, TIDEGATE_E_CERTIFICATE. */
  static async start(host: SocketHost, { host: address, port, cert, key }: KedaOptions): Promise<KedaScaler> {
    const shown = address.includes(':') ? `[${address}]` : address;
    const scaler = new KedaScaler(host, shown);
    try {
      if (cert !== undefined && key !== undefined) {
        scaler.#certificate = await followed(cert, key, scaler);
      }
      await scaler.#listen(port, scaler.#certificate?.current ?? null);
    } catch (error) {
      await scaler.close();
      throw error;
    }
    return scaler;
  }

  async #listen(asked: number, pair: CertificatePair | null): Promise<void> {
    const server = new Server();
    server.addService(...this.#service);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`${this.shown}:${asked}`, credentialsOf(pair), (cause, port) => {
        if (cause === null) {
          this.port = port;
          resolve();
          return;
        }
        reject(
          new TidegateError('TIDEGATE_E_LISTEN', `can't listen on TCP ${this.shown}:${asked}: ${cause.message}`, {
            hint: 'choose another scaling.keda.port, or 0 for a free one',
            cause,
          }),
        );
      });
    });
  }

  /** Listens with another certificate, after the one before: who is connected comes again, as gRPC's clients do. */
  follow(pair: CertificatePair): void {
    this.#following = this.#following.then(() => this.#change(pair));
  }

  async #change(pair: CertificatePair): Promise<void> {
    this.host.emit('log', 'info', 'new certificate for KEDA', {});
    this.#server.forceShutdown();
    for (let isTold = false; !this.#isClosed; ) {
      try {
        await this.#listen(this.port, pair);
        if (this.#isClosed) this.#server.forceShutdown();
        return;
      } catch (error) {
        if (!isTold) this.host.emit('log', 'warn', 'KEDA is not served', { error: (error as Error).message });
        isTold = true;
        await sleep(AGAIN_MS, undefined, { ref: false });
      }
    }
  }

  /** Whether there is anything to scale for: a host that serves is. */
  get isActive(): boolean {
    return this.host.isReady;
  }

  #stream(call: ServerWritableStream<unknown, unknown>): void {
    this.#streams.add(call);
    const gone = (): void => {
      this.#streams.delete(call);
    };
    call.on('cancelled', gone);
    call.on('close', gone);
    call.on('error', gone);
    call.write({ result: this.isActive });
  }

  #metrics({ request }: ServerUnaryCall<MetricsRequest, unknown>, answer: sendUnaryData<unknown>): void {
    // KEDA puts s0- and the like in front of names of several triggers.
    if (!request.metricName.endsWith(METRIC)) {
      answer({ code: status.NOT_FOUND, details: `there is no metric ${request.metricName}, only ${METRIC}` });
      return;
    }
    const { desired } = this.host.load;
    if (desired === null) {
      answer({ code: status.UNAVAILABLE, details: 'nothing is forecast yet: give scaling.capacity, or wait for load' });
      return;
    }
    const { replicas } = desired;
    answer(null, {
      metricValues: [{ metricName: request.metricName, metricValue: replicas, metricValueFloat: replicas }],
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#certificate?.close();
    for (const stream of this.#streams) stream.end();
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => this.#server.forceShutdown(), 500);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }
}

function credentialsOf(pair: CertificatePair | null): ServerCredentials {
  if (pair === null) return ServerCredentials.createInsecure();
  const [cert_chain, private_key] = [pair.certificate, pair.privateKey].map((pem) => Buffer.from(pem));
  return ServerCredentials.createSsl(null, [{ cert_chain, private_key }]);
}

/** The certificate of files, followed as they change. Throws TIDEGATE_E_CERTIFICATE. */
async function followed(cert: string, key: string, scaler: KedaScaler): Promise<FileCertificate> {
  try {
    return await FileCertificate.open(
      cert,
      key,
      (pair) => scaler.follow(pair),
      ({ message }) => scaler.host.emit('log', 'error', "KEDA's certificate stays as it is", { error: message }),
    );
  } catch (cause) {
    const message = `scaling.keda.cert ${cert}, key ${key}: ${(cause as Error).message}`;
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', message, {
      hint: 'give a readable PEM file each, that belong together',
      cause,
    });
  }
}
