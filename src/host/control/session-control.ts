import { settingsToTell } from '../../adapt/settings.js';
import { AppError, type AppErrorName } from '../../control/codes.js';
import { CONTROL_VERSION } from '../../control/frames.js';
import type { Define, Hello, HostMessage, ParsedClientMessage } from '../../control/messages.js';
import type { JwtVerdict } from '../identity/identifier.js';
import type { HostSession } from '../shard/host-session.js';
import type { TransportStream } from '../transport.js';
import { Challenger } from './challenger.js';
import { ControlStream } from './control-stream.js';
import { SealDemand } from './seal-demand.js';
import type { SealPolicy } from './seal-policy.js';
import type { SealShares } from './seal-shares.js';
import { isFor } from './session-seal.js';

/** A change of the rate limit is told where it is by more than this share, and no sooner than so many ms after the last. */
const WORTH_TELLING = 0.25;
const TELL_EVERY_MS = 5000;

/** Why something was not done. */
interface Refusal {
  problem: AppErrorName;
  reason: string;
}

/** What a shard does for control streams. */
export interface ControlShard {
  /** Finds out who a client is; the session has its new identity and settings before `done` is called. */
  identify(
    session: HostSession,
    hello: Hello,
    done: (problem: AppErrorName | null, token: string | null) => void,
  ): void;
  /** Makes what a client defines; `use` puts it in place of what the session has. */
  define(session: HostSession, message: Define): Refusal | { seal: SealPolicy | null; use: () => void };
  /** Whether a JWT is the client's, and issued since a time. */
  checkJwt(session: HostSession, jwt: string, since: number, done: (verdict: JwtVerdict) => void): void;
  readonly challenges: { workBits: number; seconds: number };
  readonly seals: SealShares;
}

/** What a session and its host say to each other on the control stream. */
export class SessionControl {
  readonly #stream: ControlStream;
  readonly #challenger: Challenger;
  readonly #demand: SealDemand;
  #hello: Hello | null = null;
  /** Runs when the client has agreed on how to seal: a definition that may not be used before. */
  #sealedFirst: { about: string; use: () => void } | null = null;
  /** Nothing is said before the welcome. */
  #isWelcome = false;
  #told = { rateLimit: 0, level: -1, at: Number.NEGATIVE_INFINITY };
  isOpen = true;

  constructor(
    readonly session: HostSession,
    readonly shard: ControlShard,
    stream: TransportStream,
  ) {
    const { workBits, seconds } = shard.challenges;
    this.#challenger = new Challenger(workBits, seconds);
    this.#demand = new SealDemand(shard.seals, session.id, seconds);
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
    return this.isOpen && (this.#can('pow') || this.#canShowJwt);
  }

  #close(code: AppErrorName, reason: string): void {
    this.isOpen = false;
    this.#stream.send({ type: 'error', code: AppError[code], name: code, reason });
    this.session.close(AppError[code], reason === '' ? code : `${code}: ${reason}`);
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
      case 'define':
        this.#define(message);
        return;
      case 'answer':
        this.#judge(message.id, message.nonce, message.jwt);
        return;
      case 'sealed':
        this.#sealed(message.id, message.key);
        return;
      case 'stats':
        return;
    }
  }

  #define(message: Define): void {
    const refuse = ({ problem, reason }: Refusal): void => {
      this.session.posture.note('function-refused', performance.now() / 1000);
      this.error(problem, reason, message.id);
    };
    const made = this.shard.define(this.session, message);
    if ('problem' in made) {
      refuse(made);
      return;
    }
    const use = (): void => {
      made.use();
      this.send({ type: 'defined', id: message.id });
    };
    const needed = this.#sealFor(made.seal);
    if (needed === 'none') use();
    else if (needed === 'agreed') {
      this.#sealedFirst = { about: message.id, use };
      this.#askToSeal(made.seal as SealPolicy, 'messages of that function are sealed');
    } else refuse(needed);
  }

  /** What has to come before a function with such a policy: nothing, or a seal that is agreed on; or why it can't be. */
  #sealFor(policy: SealPolicy | null): 'none' | 'agreed' | Refusal {
    const { seal, isEnforced } = this.session;
    const refusal = (problem: AppErrorName, reason: string): Refusal => ({ problem, reason });
    if (seal !== null) {
      const reason = 'the messages of this session are sealed to another reader';
      return isFor(seal, policy) ? 'none' : refusal('define-refused', reason);
    }
    if (policy?.from !== 0) return 'none';
    if (!this.#can('seal')) {
      return isEnforced ? refusal('seal-required', 'messages of that function have to be sealed') : 'none';
    }
    const isAsked = this.#sealedFirst !== null || this.#demand.isOpen;
    return isAsked ? refusal('define-refused', 'how to seal is being agreed on') : 'agreed';
  }

  #can(ability: Hello['abilities'][number]): boolean {
    return this.#hello?.abilities.includes(ability) ?? false;
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
    if (this.session.lacksSeal && !this.#can('seal')) {
      this.#close('seal-required', 'messages of this function have to be sealed');
      return;
    }
    this.shard.identify(this.session, hello, (problem, token) => {
      const { session } = this;
      if (session.transport.state === 'closed') return;
      if (problem !== null && session.isProvisional) {
        this.#close(problem, 'a valid JWT is required');
        return;
      }
      session.isProvisional = false;
      this.#isWelcome = true;
      const sealsAll = session.sealPolicy?.from === 0 && this.#can('seal');
      this.send({
        type: 'welcome',
        version: CONTROL_VERSION,
        session: session.id,
        settings: settingsToTell(session.settings, session.isEnforced),
        ...(token === null ? {} : { token }),
        ...(problem === null ? {} : { problem }),
        ...(sealsAll ? { seal: true as const } : {}),
      });
      this.#told = {
        rateLimit: session.settings.rateLimit,
        level: session.settings.securityLevel,
        at: performance.now(),
      };
      if (sealsAll) this.demandSeal('messages of this function are sealed');
      else session.introduced();
    });
  }

  #sealed(id: string, key: string): void {
    const { session } = this;
    const first = this.#sealedFirst;
    // Nothing plain was for this function.
    const isAll = first !== null || !session.hasFunction;
    const seal = this.#demand.answer(id, key, isAll ? Number.NEGATIVE_INFINITY : performance.now());
    if (seal === null) {
      session.posture.note('challenge-failed', performance.now() / 1000, 0.5);
      this.error('answer-unasked', 'there is no such demand, or the share is none');
      return;
    }
    session.seal = seal;
    this.send({ type: 'passed', id });
    this.#sealedFirst = null;
    first?.use();
    session.introduced();
  }

  /** Asks the client to seal its messages, where its function says so and it can. */
  demandSeal(reason: string): void {
    const { sealPolicy, seal } = this.session;
    if (sealPolicy === null || seal !== null || this.#demand.isOpen) return;
    if (this.#isWelcome && this.#can('seal')) this.#askToSeal(sealPolicy, reason);
  }

  #askToSeal(policy: SealPolicy, reason: string): void {
    this.send(this.#demand.ask(policy, reason, performance.now()));
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
    else if (jwt === undefined || !this.#canShowJwt) judged(false);
    else {
      const challenger = this.#challenger;
      challenger.putOff(Number.POSITIVE_INFINITY);
      this.shard.checkJwt(session, jwt, challenge.issuedAt, (verdict) => {
        challenger.putOff(verdict === 'unavailable' ? performance.now() + challenger.seconds * 1000 : 0);
        // No fault of the client's: it is asked again later.
        if (verdict === 'unavailable') this.error('jwks-unavailable', 'the keys to check the JWT with are away');
        else judged(verdict === 'fresh');
      });
    }
  }

  /** Whether the client is one that a JWT says who it is. */
  get #canShowJwt(): boolean {
    return this.session.identity.by === 'jwt' && this.#can('jwt');
  }

  /** Asks the client for a proof, where it is not asked already. */
  challenge(reason: string): void {
    const now = performance.now();
    if (!this.#isWelcome || !this.canAnswer || !this.#challenger.mayAsk(now)) return;
    const { id } = this.#challenger.ask(now, Date.now());
    this.send({
      type: 'challenge',
      id,
      reason,
      deadlineMs: this.#challenger.seconds * 1000,
      ...(this.#can('pow') ? { pow: { bits: this.#challenger.workBits } } : {}),
      ...(this.#canShowJwt ? { jwt: true as const } : {}),
    });
  }

  /** What was not answered in time: a challenge, a demand to seal. */
  takeLate(now: number): 'challenge-late' | 'seal-late' | null {
    if (this.#challenger.isLate(now)) return 'challenge-late';
    if (!this.#demand.isLate(now)) return null;
    const first = this.#sealedFirst;
    this.#sealedFirst = null;
    if (first !== null) this.error('seal-late', 'messages of that function have to be sealed', first.about);
    if (this.session.lacksSeal) this.#close('seal-late', 'messages of this function have to be sealed');
    return 'seal-late';
  }

  /** Tells the client of settings that changed enough. */
  tell(reason: string): void {
    const { settings } = this.session;
    const now = performance.now();
    const isNewLevel = settings.securityLevel !== this.#told.level;
    const change = Math.abs(settings.rateLimit - this.#told.rateLimit);
    if (
      !this.#isWelcome ||
      (!isNewLevel && (change <= this.#told.rateLimit * WORTH_TELLING || now - this.#told.at < TELL_EVERY_MS))
    ) {
      return;
    }
    this.#told = { rateLimit: settings.rateLimit, level: settings.securityLevel, at: now };
    this.send({ type: 'settings', settings: settingsToTell(settings, this.session.isEnforced), reason });
  }

  /** @param about the definition that was refused. */
  error(code: AppErrorName, reason: string, about?: string): void {
    this.send({ type: 'error', code: AppError[code], name: code, reason, ...(about === undefined ? {} : { about }) });
  }

  send(message: HostMessage): void {
    if (!this.isOpen) return;
    this.#stream.send(message);
  }
}
