import { readFile } from 'node:fs/promises';
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
import type { SocketHost } from '../../host/socket-host.js';
import { TidegateError } from '../../quic/errors.js';
import { checkCertificate } from '../../quic/quiche/config.js';
import { EXTERNAL_SCALER } from './service.js';

/** The metric that is scaled by: replicas that are wanted, of which one is the target each. */
const METRIC = 'tidegate_desired_replicas';

/** ms between two looks of a stream at whether there is any load. */
const STREAM_MS = 5_000;

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
  readonly #server = new Server();
  readonly #streams = new Set<ServerWritableStream<unknown, unknown>>();
  readonly #timer: NodeJS.Timeout;
  port = 0;

  private constructor(readonly host: SocketHost) {
    const definition = loadPackageDefinition(
      fromJSON(EXTERNAL_SCALER as unknown as Parameters<typeof fromJSON>[0], {
        keepCase: true,
        longs: Number,
        defaults: true,
      }),
    ) as unknown as { externalscaler: { ExternalScaler: { service: Parameters<Server['addService']>[0] } } };
    this.#server.addService(definition.externalscaler.ExternalScaler.service, {
      IsActive: (_call: unknown, answer: sendUnaryData<unknown>) => answer(null, { result: this.isActive }),
      StreamIsActive: (call: ServerWritableStream<unknown, unknown>) => this.#stream(call),
      GetMetricSpec: (_call: unknown, answer: sendUnaryData<unknown>) =>
        answer(null, { metricSpecs: [{ metricName: METRIC, targetSize: 1, targetSizeFloat: 1 }] }),
      GetMetrics: (call: ServerUnaryCall<MetricsRequest, unknown>, answer: sendUnaryData<unknown>) =>
        this.#metrics(call, answer),
    });
    this.#timer = setInterval(() => {
      for (const stream of this.#streams) stream.write({ result: this.isActive });
    }, STREAM_MS);
    this.#timer.unref();
  }

  /** Listens. Throws TIDEGATE_E_LISTEN. */
  static async start(host: SocketHost, options: KedaOptions): Promise<KedaScaler> {
    const credentials = await credentialsOf(options);
    const scaler = new KedaScaler(host);
    const shown = options.host.includes(':') ? `[${options.host}]` : options.host;
    await new Promise<void>((resolve, reject) => {
      scaler.#server.bindAsync(`${shown}:${options.port}`, credentials, (cause, port) => {
        if (cause === null) {
          scaler.port = port;
          resolve();
          return;
        }
        clearInterval(scaler.#timer);
        reject(
          new TidegateError('TIDEGATE_E_LISTEN', `can't listen on TCP ${shown}:${options.port}: ${cause.message}`, {
            hint: 'choose another scaling.keda.port, or 0 for a free one',
            cause,
          }),
        );
      });
    });
    return scaler;
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
    clearInterval(this.#timer);
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

/** Throws TIDEGATE_E_CERTIFICATE. */
async function credentialsOf({ cert, key }: KedaOptions): Promise<ServerCredentials> {
  if (cert === undefined || key === undefined) return ServerCredentials.createInsecure();
  try {
    const [certChain, privateKey] = await Promise.all([readFile(cert), readFile(key)]);
    checkCertificate(certChain.toString(), privateKey.toString());
    return ServerCredentials.createSsl(null, [{ cert_chain: certChain, private_key: privateKey }]);
  } catch (cause) {
    const message = `scaling.keda.cert ${cert}, key ${key}: ${(cause as Error).message}`;
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', message, {
      hint: 'give a readable PEM file each, that belong together',
      cause,
    });
  }
}
