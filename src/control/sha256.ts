/** First 32 bits of the fractional parts of the roots of the first primes: of `root` 2 or 3 (FIPS 180-4 section 4.2.2, 5.3.3). */
function constants(count: number, root: number): Int32Array {
  const found = new Int32Array(count);
  for (let n = 2, at = 0; at < count; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) isPrime = false;
    if (isPrime) found[at++] = (n ** (1 / root) % 1) * 2 ** 32;
  }
  return found;
}

const START = constants(8, 2);
const ROUNDS = constants(64, 3);
const schedule = new Int32Array(64);

/**
 * SHA-256 (FIPS 180-4) of a short message, at once: a proof of work hashes ten thousands of times, and each call of
 * WebCrypto's is a turn of the event loop. Not for secrets.
 */
export function sha256(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((((message.length + 8) >> 6) + 1) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, message.length * 8);
  const state = START.slice();
  for (let at = 0; at < padded.length; at += 64) block(view, at, state);
  const hash = new Uint8Array(32);
  const out = new DataView(hash.buffer);
  for (let i = 0; i < 8; i++) out.setInt32(i * 4, state[i]);
  return hash;
}

function turn(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by));
}

function block(view: DataView, at: number, state: Int32Array): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const [a, b] = [w[i - 15], w[i - 2]];
    const low = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
    const high = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
    w[i] = w[i - 16] + low + w[i - 7] + high;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  const added = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i] += added[i];
}
