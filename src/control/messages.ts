import { z } from 'zod';
import type { AppErrorName } from './codes.js';

const token = z.string().min(1).max(8192);
const name = z.string().regex(/^[\w.~-]{1,64}$/, 'it has to be 1 to 64 letters, digits, or any of . _ ~ -');

const hello = z.strictObject({
  type: z.literal('hello'),
  version: z.int(),
  /** The anonymous token of an earlier `welcome`, or a JSON Web Token. */
  token: token.optional(),
  jwt: token.optional(),
  /** Challenges that the client can answer, and whether it can seal messages. */
  abilities: z
    .array(z.enum(['pow', 'jwt', 'seal']))
    .max(8)
    .default([]),
});

const define = z.strictObject({
  type: z.literal('define'),
  id: name,
  /** As in the host's configuration: docs/functions.md. */
  receive: z.unknown().optional(),
  /** A function of the host whose endpoint is invoked, or a remote one where the operator allows its host. */
  endpoint: z.union([z.strictObject({ function: name }), z.strictObject({ url: z.url().max(2048) })]),
  parameters: z.record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()])).default({}),
});

const answer = z.strictObject({
  type: z.literal('answer'),
  id: z.string().max(64),
  /** Proof of work: a number so that SHA-256 of challenge and number begins with enough zero bits. */
  nonce: z.int().min(0).optional(),
  jwt: token.optional(),
});

const sealed = z.strictObject({
  type: z.literal('sealed'),
  id: z.string().max(64),
  /** The client's share (X25519), base64url. */
  key: z.base64url().length(43),
});

const stats = z.strictObject({
  type: z.literal('stats'),
  /** Round-trip time and what the client wants to send, as it sees them. */
  rttMs: z.number().min(0).max(600_000).optional(),
  queuedBytes: z.number().min(0).optional(),
});

/** What clients send. */
export const clientMessage = z.discriminatedUnion('type', [hello, define, answer, sealed, stats]);
export type ParsedClientMessage = z.output<typeof clientMessage>;
export type ClientMessage = z.input<typeof clientMessage>;
/** A function that a client defines. */
export type Definition = Omit<z.input<typeof define>, 'type'>;
export type Hello = z.output<typeof hello>;
export type Define = z.output<typeof define>;

/** What a client is told of its socket. */
export interface TellableSettings {
  /** bytes/s, bytes at once. */
  rateLimit: number;
  burst: number;
  packetRate: number;
  bufferSize: number;
  securityLevel: 0 | 1 | 2 | 3;
  mode: 'enforce' | 'observe';
}

/** What hosts send. */
export type HostMessage =
  | {
      type: 'welcome';
      version: number;
      session: string;
      settings: TellableSettings;
      /** To be shown the next time; left out where the client is known otherwise. */
      token?: string;
      /** What was wrong with what the client showed: it is served as one that showed nothing. */
      problem?: AppErrorName;
      /** A demand to seal follows, and nothing is to be sent before. */
      seal?: true;
    }
  | { type: 'settings'; settings: TellableSettings; reason: string }
  | { type: 'defined'; id: string }
  | {
      type: 'challenge';
      id: string;
      reason: string;
      deadlineMs: number;
      /** Leading zero bits of SHA-256(text of `id`, ':', `nonce` in decimal). */
      pow?: { bits: number };
      /** A JSON Web Token issued after the challenge will do. */
      jwt?: true;
    }
  | {
      type: 'seal';
      id: string;
      reason: string;
      /** Who reads: the host behind whatever ends TLS, or the endpoint alone. */
      to: 'host' | 'endpoint';
      /** The reader's share (X25519), and the host's signature (Ed25519) of it for this session; base64url. */
      key: string;
      signature: string;
      deadlineMs: number;
    }
  /** A challenge was answered, or a seal is agreed on: what the client sends from now on is sealed. */
  | { type: 'passed'; id: string }
  /**
   * How full the host is forecast to be in one and five minutes (1: all that it carries, nine times in ten less), and the
   * share of what it wants that a client may send for all to have room.
   */
  | { type: 'capacity'; version: 1; in1m: number; in5m: number; pace: number }
  /** From `inMs` on the session's limits and buffer will be at least these, and may be no more: the host gets full. */
  | {
      type: 'limits';
      version: 1;
      rateLimit: number;
      burst: number;
      bufferSize: number;
      inMs: number;
      reason: string;
    }
  /** The session ends for want of room: to be opened again after so many ms. */
  | { type: 'retry'; version: 1; afterMs: number; reason: string }
  /**
   * The host closes by the deadline. Without one it stays, and so may the session: opened anew it is served by another thread.
   * `to`: the origin to open the next session at, where that is another than this.
   */
  | { type: 'drain'; deadlineMs?: number; to?: string }
  /** `about` names the definition that was refused. */
  | { type: 'error'; code: number; name: AppErrorName; reason: string; about?: string };
