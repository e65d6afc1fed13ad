/** A longer array with what was in the old one. */
export function grown<T extends Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array>(
  old: T,
  length: number,
): T {
  const larger = new (old.constructor as new (length: number) => T)(length);
  larger.set(old);
  return larger;
}
