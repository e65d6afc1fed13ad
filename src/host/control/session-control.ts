import { settingsToTell } from '../../adapt/settings.js';
import { AppError, type AppErrorName } from '../../control/codes.js';
import {
  CONTROL_VERSION,
  type Define,
  type Hello,
  type HostMessage,
  type ParsedClientMessage,
} from '../../control/messages.js';
import type { HostSession } from '../shard/host-session.js';
import type { TransportStream } from '../transport.js';
import { Challenger } from './challenger.js';
import { ControlStream } from './control-stream.js';

/** A change of the rate limit is told where it is by more than this share, and no sooner than so many ms after the last. */
const WORTH_TELLING = 0.25;
const TELL_EVERY_MS = 5000;

/** What a shard does for control streams. */
export interface ControlShard {
  /** Finds out who a client is; the session has its new identity and settings before `done` is called. */
  identify(
    session: HostSession,
    hello: Hello,
    done: (problem: AppErrorName | null, token: string | null) => void,
  ): void;
  define(session: HostSession, message: Define): { problem: AppErrorName; reason: string } | null;
  /** Whether a JWT is the client's, and issued since a time. */
  checkJwt(session: HostSession, jwt: string, since: number, done: (isGood: boolean) => void): void;
  readonly challenges: { workBits: number; seconds: number };
}

/** What a session and its host say to each other on the control stream. */
export class SessionControl {
  readonly #stream: ControlStream;
  readonly #challenger: Challenger;
  #hello: Hello | null = null;
  #told = { rateLimit: 0, level: -1, at: Number.NEGATIVE_INFINITY };
  isOpen = true;

  constructor(
    readonly session: HostSession,
    readonly shard: ControlShard,
    stream: TransportStream,
  ) {
    const { workBits, seconds } = shard.challenges;
    this.#challenger = new Challenger(workBits, seconds);
    this.#stream = new ControlStream(stream, {
      onMessage: (message) => this.#onMessage(message),
      onFault: (code, reason) => {
        session.noteMalformed();
        this.#close(code, reason);
      },
      onEnd: () => {
        this.isOpen = false;
      },
    });
    this.#stream.pump();
  }

  /** Whether the client can be asked for a proof. */
  get canAnswer(): boolean {
    return this.isOpen && (this.#hello?.abilities.some((name) => name === 'pow' || name === 'jwt') ?? false);
  }

  #close(code: AppErrorName, reason: string): void {
    this.isOpen = false;
    this.#stream.send({ type: 'error', code: AppError[code], name: code, reason });
    this.session.close(AppError[code], reason === '' ? code : `${code}: ${reason}`);
    this.session.shard.flushSoon();
  }

  #onMessage(message: ParsedClientMessage): void {
    if (this.#hello === null && message.type !== 'hello') {
      this.#close('hello-missing', 'hello comes first');
      return;
    }
    switch (message.type) {
      case 'hello':
        this.#greet(message);
        return;
      case 'define': {
        const refusal = this.shard.define(this.session, message);
        if (refusal === null) this.send({ type: 'defined', id: message.id });
        else {
          this.session.posture.note('function-refused', performance.now() / 1000);
          this.error(refusal.problem, refusal.reason);
        }
        return;
      }
      case 'answer':
        this.#judge(message.id, message.nonce, message.jwt);
        return;
      case 'stats':
        return;
    }
  }

  #greet(hello: Hello): void {
    if (this.#hello !== null) {
      this.#close('control-twice', 'hello came twice');
      return;
    }
    if (hello.version !== CONTROL_VERSION) {
      this.#close('version-unknown', `this host speaks version ${CONTROL_VERSION}`);
      return;
    }
    this.#hello = hello;
    this.shard.identify(this.session, hello, (problem, token) => {
      const { session } = this;
      if (session.transport.state === 'closed') return;
      this.send({
        type: 'welcome',
        version: CONTROL_VERSION,
        session: session.name,
        settings: settingsToTell(session.settings, session.isEnforced),
        ...(token === null ? {} : { token }),
        ...(problem === null ? {} : { problem }),
      });
      this.#told = {
        rateLimit: session.settings.rateLimit,
        level: session.settings.securityLevel,
        at: performance.now(),
      };
      session.introduced();
    });
  }

  #judge(id: string, nonce: number | undefined, jwt: string | undefined): void {
    const { session } = this;
    const challenge = this.#challenger.take(id);
    if (challenge === null) {
      // Answered before, too late, or never asked.
      session.posture.note('challenge-failed', performance.now() / 1000, 0.5);
      this.error('answer-unasked', 'there is no such challenge');
      return;
    }
    const judged = (isGood: boolean): void => {
      const now = performance.now() / 1000;
      if (isGood) {
        session.posture.passed(now);
        this.send({ type: 'passed', id });
      } else {
        session.posture.note('challenge-failed', now);
        this.error('challenge-failed', 'the proof is wrong');
      }
      session.review();
    };
    if (nonce !== undefined) judged(this.#challenger.isProof(id, nonce));
    else if (jwt !== undefined) this.shard.checkJwt(session, jwt, challenge.issuedAt, judged);
    else judged(false);
  }

  /** Asks the client for a proof, where it is not asked already. */
  challenge(reason: string): void {
    if (this.#challenger.open !== null || this.#hello === null) return;
    const { id } = this.#challenger.ask(performance.now(), Date.now());
    const { abilities } = this.#hello;
    this.send({
      type: 'challenge',
      id,
      reason,
      deadlineMs: this.#challenger.seconds * 1000,
      ...(abilities.includes('pow') ? { pow: { bits: this.#challenger.workBits } } : {}),
      ...(abilities.includes('jwt') ? { jwt: true as const } : {}),
    });
  }

  /** Whether a challenge was not answered in time. */
  isLate(now: number): boolean {
    return this.#challenger.isLate(now);
  }

  /** Tells the client of settings that changed enough. */
  tell(reason: string): void {
    const { settings } = this.session;
    const now = performance.now();
    const isNewLevel = settings.securityLevel !== this.#told.level;
    const change = Math.abs(settings.rateLimit - this.#told.rateLimit);
    if (
      this.#hello === null ||
      (!isNewLevel && (change <= this.#told.rateLimit * WORTH_TELLING || now - this.#told.at < TELL_EVERY_MS))
    ) {
      return;
    }
    this.#told = { rateLimit: settings.rateLimit, level: settings.securityLevel, at: now };
    this.send({ type: 'settings', settings: settingsToTell(settings, this.session.isEnforced), reason });
  }

  error(code: AppErrorName, reason: string): void {
    this.send({ type: 'error', code: AppError[code], name: code, reason });
  }

  send(message: HostMessage): void {
    if (!this.isOpen) return;
    this.#stream.send(message);
    this.session.shard.flushSoon();
  }
}
