/** WebSocket frames, RFC 6455: those of a server are read from a stream, those of a client are written. */

const TEXT = 1;
export const CLOSE = 8;

const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Finds frames in what a socket reads, however it is cut. */
export class FrameReader {
  readonly #received: (opcode: number, payload: Buffer) => void;
  /** The beginning of a header, or nothing. */
  #rest: Buffer | null = null;
  /** A payload that has not come as a whole, and how much of it has. */
  #payload: Buffer | null = null;
  #filled = 0;
  #opcode = 0;

  constructor(received: (opcode: number, payload: Buffer) => void) {
    this.#received = received;
  }

  read(input: Buffer): void {
    const chunk = this.#rest ? Buffer.concat([this.#rest, input]) : input;
    this.#rest = null;
    for (let at = this.#fill(chunk); at < chunk.length;) {
      const header = headerLength(chunk, at);
      if (header === 0 || at + header > chunk.length) {
        // Copied, for the memory is read into again.
        this.#rest = Buffer.from(chunk.subarray(at));
        return;
      }
      const begin = at + header;
      const end = begin + payloadLength(chunk, at);
      this.#opcode = (chunk[at] ?? 0) & 0x0f;
      if (end <= chunk.length) this.#received(this.#opcode, chunk.subarray(begin, end));
      else {
        this.#payload = Buffer.allocUnsafe(end - begin);
        this.#filled = chunk.copy(this.#payload, 0, begin);
      }
      at = end;
    }
  }

  /** Goes on with a payload that has begun; returns where in `chunk` the next frame does. */
  #fill(chunk: Buffer): number {
    const payload = this.#payload;
    if (payload === null) return 0;
    const copied = chunk.copy(payload, this.#filled);
    this.#filled += copied;
    if (this.#filled < payload.length) return chunk.length;
    this.#payload = null;
    this.#received(this.#opcode, payload);
    return copied;
  }
}

/** 0 where there is too little to tell. */
function headerLength(chunk: Buffer, at: number): number {
  const length = chunk[at + 1];
  if (length === undefined) return 0;
  if (length === LENGTH_64) return 10;
  return length === LENGTH_16 ? 4 : 2;
}

function payloadLength(chunk: Buffer, at: number): number {
  const length = chunk[at + 1] ?? 0;
  if (length === LENGTH_64) return Number(chunk.readBigUInt64BE(at + 2));
  return length === LENGTH_16 ? chunk.readUInt16BE(at + 2) : length;
}

/** A client's frame. Its mask is zero, so that it is made once and sent by many; the server unmasks it all the same. */
export function textFrame(text: string): Buffer {
  return clientFrame(TEXT, Buffer.from(text));
}

export function closeFrame(code: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return clientFrame(CLOSE, payload);
}

function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const isShort = length < LENGTH_16;
  const header = Buffer.alloc((isShort ? 2 : 4) + 4);
  header[0] = FINAL | opcode;
  header[1] = MASKED | (isShort ? length : LENGTH_16);
  if (!isShort) header.writeUInt16BE(length, 2);
  return Buffer.concat([header, payload]);
}
