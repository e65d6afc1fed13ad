/** Writes numbers one behind the other, little-endian, into a buffer that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  #room(bytes: number): number {
    const at = this.length;
    if (at + bytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(at + bytes, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length += bytes;
    return at;
  }

  clear(): void {
    this.length = 0;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  f32(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Length and characters, at most 255 of Latin-1. */
  text(value: string): void {
    const short = value.slice(0, 255);
    this.u8(short.length);
    const at = this.#room(short.length);
    for (let i = 0; i < short.length; i++) this.#bytes[at + i] = short.charCodeAt(i);
  }

  floats(values: Float32Array): void {
    const at = this.#room(values.byteLength);
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
  }

  /** Writes a u32 over what stands at `at`. */
  patch(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** What was written from `from` on; it changes with the next write. */
  written(from = 0): Uint8Array {
    return this.#bytes.subarray(from, this.length);
  }
}

/** Reads them again. Throws RangeError behind the end. */
export class ByteReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    readonly end = bytes.length,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, end);
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    const value = this.#view.getUint8(this.at);
    this.at += 1;
    return value;
  }

  u16(): number {
    const value = this.#view.getUint16(this.at, true);
    this.at += 2;
    return value;
  }

  u32(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  f32(): number {
    const value = this.#view.getFloat32(this.at, true);
    this.at += 4;
    return value;
  }

  f64(): number {
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  text(): string {
    const length = this.u8();
    if (length > this.left) throw new RangeError('text behind the end');
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.bytes[this.at + i]);
    this.at += length;
    return text;
  }

  floats(count: number): Float32Array {
    if (count * 4 > this.left) throw new RangeError('numbers behind the end');
    const values = new Float32Array(count);
    new Uint8Array(values.buffer).set(this.bytes.subarray(this.at, this.at + count * 4));
    this.at += count * 4;
    return values;
  }
}
