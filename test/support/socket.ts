/** Sockets of tests inside the Workers runtime, opened through the whole Worker as a client would. */

import { env, exports } from "cloudflare:workers";
import { SignJWT } from "jose";
import type { SyncFrame, WelcomeFrame } from "../../src/core/protocol.ts";
import { Inbox } from "./inbox.ts";
import { type Frame, Listener } from "./listener.ts";

/** The beginning of a message by which a test knows that all before it has come. */
const MARK = "mark ";

function markIn(payload: unknown): string | null {
  return typeof payload === "string" && payload.startsWith(MARK) ? payload : null;
}

export class TestSocket extends Listener {
  readonly ws: WebSocket;
  /** The connection is over, whoever else waits for that. */
  readonly ended: Promise<void>;
  readonly #cut: AbortController;
  /** Marks that came, of anyone in the room, with the number of frames that came before. */
  readonly #marks = new Inbox<{ mark: string; before: number }>();

  /** Heartbeats that the room itself is to answer, since the runtime knows only the ones without white space. */
  readonly #answers = new Inbox<Frame>();
  #asked = 0;

  constructor(ws: WebSocket, cut: AbortController) {
    super();
    this.ws = ws;
    this.#cut = cut;
    ws.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data))));
    ws.addEventListener("close", ({ code, reason }) => this.closes.push({ code, reason }));
    this.ended = new Promise((resolve) => ws.addEventListener("close", () => resolve()));
    ws.accept();
  }

  protected override write(text: string): void {
    this.ws.send(text);
  }

  /** The line breaks: no close frame, as for a phone in a tunnel. */
  cut(): void {
    this.#cut.abort();
  }

  /**
   * What the room had to say until now and was not read yet, gathered frames included: a message of its own
   * comes after them. The token must be one that can `send`; others in the room notice nothing.
   */
  async heard(): Promise<Frame[]> {
    const mark = `${MARK}${crypto.randomUUID()}`;
    this.send({ type: "message", payload: mark });
    const { before } = await this.#marks.until((item) => item.mark === mark);
    const unread = this.frames.unread();
    const later = this.frames.all.length - before;
    const heard = unread.slice(0, Math.max(0, unread.length - later));
    this.frames.skip(heard.length);
    return heard;
  }

  /**
   * Spends what a room may send to a client in one go, by messages that no test sees: what comes next is
   * gathered. The token must be one that can `send`, and the clock must stand still.
   */
  async spendBurst(): Promise<void> {
    let isSpent = false;
    while (!isSpent) {
      const mark = `${MARK}${crypto.randomUUID()}`;
      this.send({ type: "message", payload: mark });
      // One after the other, or they could be one frame.
      // oxlint-disable-next-line no-await-in-loop
      await this.handled();
      isSpent = !this.#marks.all.some((item) => item.mark === mark);
    }
  }

  /** The room has handled all that was sent so far. Counts nothing as read, and waits for nothing gathered. */
  async handled(): Promise<void> {
    this.#asked += 1;
    this.ws.send(' "heartbeat"');
    await this.#answers.next();
  }

  #receive(frame: Frame): void {
    if (frame === "heartbeat" && this.#asked > 0) {
      this.#asked -= 1;
      this.#answers.push(frame);
      return;
    }
    if (frame === "heartbeat" || frame.type !== "messages") {
      this.frames.push(frame);
      return;
    }
    const messages = frame.messages.filter(({ payload }) => markIn(payload) === null);
    if (messages.length > 0) this.frames.push({ ...frame, messages });
    for (const { payload } of frame.messages) {
      const mark = markIn(payload);
      if (mark !== null) this.#marks.push({ mark, before: this.frames.all.length });
    }
  }
}

/** The welcome and the sync that a socket in view `diff` gets first. */
export async function firstFrames(
  socket: TestSocket,
): Promise<{ welcome: WelcomeFrame; sync: SyncFrame }> {
  return { welcome: await socket.nextOf("welcome"), sync: await socket.nextOf("sync") };
}

export type OpenOptions = {
  token?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
};

/** The address of a room's socket. */
export function socketUrl(room: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query);
  return `https://presence.test/rooms/${encodeURIComponent(room)}/ws?${search.toString()}`;
}

export async function open(room: string, options: OpenOptions = {}): Promise<TestSocket> {
  const { token, query = {}, headers = {} } = options;
  const cut = new AbortController();
  const url = socketUrl(room, token === undefined ? query : { ...query, token });
  const response = await exports.default.fetch(url, {
    headers: { ...headers, Upgrade: "websocket" },
    signal: cut.signal,
  });
  if (!response.webSocket)
    throw new Error(`no socket: ${response.status} ${await response.text()}`);
  return new TestSocket(response.webSocket, cut);
}

/** A token that this Worker believes. `claims` may say anything. */
export function tokenFor(sub: string, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ sub, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(env.PRESENCE_SECRET));
}

/** Opens a socket as a user. */
export async function openAs(
  sub: string,
  room: string,
  options: OpenOptions & { claims?: Record<string, unknown> } = {},
): Promise<TestSocket> {
  const { claims, ...rest } = options;
  return open(room, { ...rest, token: await tokenFor(sub, claims) });
}

let rooms = 0;

/** A room that no other test uses. */
export function newRoom(): string {
  rooms += 1;
  return `room-${rooms}`;
}
