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

  /** What writes itself. */
  packed(value: { packedLength: number; pack(view: DataView, from: number): void }): void {
    const at = this.#room(value.packedLength);
    value.pack(this.#view, at);
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
    /** Where what is read ends: a part of the bytes, maybe. */
    public end = bytes.length,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Where so many bytes begin, which are read. */
  #take(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw new RangeError('numbers behind the end');
    this.at = at + length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
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
    let at = this.#take(count * 4);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++, at += 4) values[i] = this.#view.getFloat32(at, true);
    return values;
  }
}
