import { Agent, request } from 'undici';
import { RecentMap } from '../core/recent-map.js';
import type { SocketHost } from '../host/socket-host.js';

/** What a webhook is told. */
export interface Alert {
  kind: 'session' | 'host';
  /** What it is about: a client's pseudonym, or a metric. */
  about: string;
  reason: string;
  detail: Record<string, unknown>;
}

const TIMEOUT_MS = 5_000;
/** Subjects whose last alert is remembered. */
const MOST = 10_000;

/** Decides which alerts go out: one a subject and quiet time, so many a minute in all. Sans-IO: times go in, ms. */
export class AlertGate {
  readonly #last = new RecentMap<string, number>(MOST);
  #minute = 0;
  #sent = 0;
  /** Held back since the last one that went out. */
  suppressed = 0;

  constructor(
    readonly perMinute: number,
    readonly quietMs: number,
  ) {}

  /** Whether an alert about `subject` goes out now. */
  passes(subject: string, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) [this.#minute, this.#sent] = [minute, 0];
    const last = this.#last.get(subject);
    if (this.#sent >= this.perMinute || (last !== undefined && now - last < this.quietMs)) {
      this.suppressed++;
      return false;
    }
    this.#sent++;
    this.#last.set(subject, now);
    return true;
  }
}

/**
 * Posts alerts to the webhook of the configuration: a client that was stepped up or quarantined, a metric of the host
 * that is unusual. A webhook that is down costs alerts, nothing else.
 */
export class WebhookAlerts {
  readonly #agent = new Agent({ connections: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  readonly #gate: AlertGate;
  #isFailing = false;
  sent = 0;
  failed = 0;

  constructor(
    readonly host: SocketHost,
    readonly url: string,
    limits: { perMinute: number; quiet: number },
  ) {
    this.#gate = new AlertGate(limits.perMinute, limits.quiet * 1000);
    host.on('level', ({ client, to, reason, ...rest }) => {
      if (to >= 2) this.tell({ kind: 'session', about: client, reason, detail: { to, ...rest } });
    });
    host.on('anomaly', ({ metric, reason, ...rest }) => {
      this.tell({ kind: 'host', about: metric, reason, detail: rest });
    });
  }

  tell(alert: Alert): void {
    const now = Date.now();
    if (!this.#gate.passes(`${alert.kind} ${alert.about}`, now)) return;
    const { suppressed } = this.#gate;
    this.#gate.suppressed = 0;
    void this.#post({ ...alert, at: new Date(now).toISOString(), suppressed });
  }

  async #post(body: Record<string, unknown>): Promise<void> {
    try {
      const answer = await request(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        dispatcher: this.#agent,
      });
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`status ${answer.statusCode}`);
      this.sent++;
      this.#isFailing = false;
    } catch (error) {
      this.failed++;
      if (!this.#isFailing) {
        this.host.emit('log', 'warn', 'alerts do not arrive', { webhook: this.url, error: (error as Error).message });
      }
      this.#isFailing = true;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
