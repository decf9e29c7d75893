/** A byte stream that is read in exact amounts; keeps no more than one chunk and what is asked for. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #current: Uint8Array = new Uint8Array(0);
  #at = 0;
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * The next `size` bytes, fewer only at the end of the stream. A view that is valid until the next
   * read. Waits only when a chunk is used up.
   */
  read(size: number): Uint8Array | Promise<Uint8Array> {
    if (this.#at + size <= this.#current.length) {
      this.#at += size;
      this.#position += size;
      return this.#current.subarray(this.#at - size, this.#at);
    }
    return this.#gather(size);
  }

  async #gather(size: number): Promise<Uint8Array> {
    const parts = [this.#current.subarray(this.#at)];
    let length = this.#current.length - this.#at;
    while (length < size) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
    this.#current = Buffer.concat(parts, length);
    this.#at = Math.min(size, length);
    this.#position += this.#at;
    return this.#current.subarray(0, this.#at);
  }

  /** The next `size` bytes (fewer at the end), which the next {@link read} gives again. */
  async peek(size: number): Promise<Uint8Array> {
    const bytes = await this.read(size);
    this.#at -= bytes.length;
    this.#position -= bytes.length;
    return bytes;
  }
}
