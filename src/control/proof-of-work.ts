/** Leading zero bits of a hash. */
export function zeroBits(hash: Uint8Array): number {
  for (let i = 0; i < hash.length; i++) if (hash[i] !== 0) return i * 8 + Math.clz32(hash[i]) - 24;
  return hash.length * 8;
}

/** What is hashed for a challenge and a nonce (Hashcash, Back 2002). */
export function proofText(challenge: string, nonce: number): string {
  return `${challenge}:${nonce}`;
}
