import type { SocketSettings } from '../../adapt/settings.js';
import type { BehavioralProfile } from '../../profile/behavioral-profile.js';
import type { HostSession } from '../shard/host-session.js';
import type { FunctionSession, OutgoingStream } from './handler.js';
import { SealedWriter } from './sealed/sealed-writer.js';
import { StreamWriter } from './stream-writer.js';

/** A session as functions see it: nothing of the host's inside. */
export class SessionFacade implements FunctionSession {
  state: unknown = undefined;
  readonly #session: HostSession;

  constructor(
    session: HostSession,
    readonly functionId: string,
    readonly parameters: Readonly<Record<string, string | number | boolean>>,
  ) {
    this.#session = session;
  }

  get id(): string {
    return this.#session.id;
  }

  get client(): string {
    return this.#session.identity.client;
  }

  get query(): URLSearchParams {
    return this.#session.query;
  }

  get profile(): BehavioralProfile {
    return this.#session.profile;
  }

  get settings(): SocketSettings {
    return this.#session.settings;
  }

  get sealedTo(): 'host' | 'endpoint' | null {
    return this.#session.seal?.policy.to ?? null;
  }

  get sealKey(): string | null {
    return this.#session.seal?.clientKey ?? null;
  }

  sendDatagram(bytes: Uint8Array): boolean {
    const seal = this.#session.seal?.host ?? null;
    return this.#session.sendDatagram(seal === null ? bytes : seal.datagram(bytes)) === 'sent';
  }

  openStream(): OutgoingStream | null {
    const stream = this.#session.openStream(false);
    if (stream === null) return null;
    const seal = this.#session.seal?.host ?? null;
    const writer = new StreamWriter(stream);
    return seal === null ? writer : new SealedWriter(writer, seal);
  }

  close(code = 0, reason = ''): void {
    this.#session.close(code, reason);
  }
}
