import { proofText, zeroBits } from '../control/proof-of-work.js';
import { sha256 } from '../control/sha256.js';

/** Tries between two turns of the event loop: a few ms. */
const SLICE = 4096;
const encoder = new TextEncoder();

/** A nonce whose hash with the challenge begins with enough zero bits; null where `signal` ends the search. */
export async function solve(challenge: string, bits: number, signal: AbortSignal): Promise<number | null> {
  for (let nonce = 0; ; nonce++) {
    if (zeroBits(sha256(encoder.encode(proofText(challenge, nonce)))) >= bits) return nonce;
    if (nonce % SLICE === SLICE - 1) {
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) return null;
    }
  }
}
