/** Clients of tests outside the Workers runtime: real sockets over TCP, to a server of server.ts. */

import { EventEmitter, once } from "node:events";
import { SignJWT } from "jose";
import { type RawData, WebSocket } from "ws";
import type { Presence } from "../../src/core/presence.ts";
import type { SyncFrame, WelcomeFrame } from "../../src/core/protocol.ts";
import { Inbox } from "./inbox.ts";
import { type Close, Listener } from "./listener.ts";
import { SECRET, type Server } from "./server.ts";

export class Client extends Listener {
  readonly ws: WebSocket;
  /** Close frames of the server, as they arrive; `closes` may come 10 s later: see docs/decisions/0007. */
  readonly closeFrames = new Inbox<Close>();
  #beats: ReturnType<typeof setInterval> | undefined;

  constructor(ws: WebSocket) {
    super();
    this.ws = ws;
    ws.on("message", (data) => this.frames.push(JSON.parse(textOf(data))));
    ws.on("open", () => this.#watchCloseFrames());
    ws.on("close", (code, reason) => {
      clearInterval(this.#beats);
      this.closes.push({ code, reason: String(reason) });
    });
    // The close event follows and tells.
    ws.on("error", () => {});
  }

  protected override write(text: string): void {
    this.ws.send(text);
  }

  /** Sends heartbeats from now on until it is closed, as a page does. */
  beatEvery(ms: number): void {
    this.#beats = setInterval(() => this.send("heartbeat"), ms);
  }

  /** The line breaks: no close frame, as for a phone in a tunnel. */
  cut(): void {
    this.ws.terminate();
  }

  /** The library tells of a close frame only after the end of the connection; its receiver tells at once. */
  #watchCloseFrames(): void {
    // SAFETY: no part of the library's interface, so it is checked; ws has had it since version 1.
    const receiver: unknown = Reflect.get(this.ws, "_receiver");
    if (!(receiver instanceof EventEmitter)) throw new Error("this ws has no _receiver");
    receiver.on("conclude", (code: number, reason: Buffer) => {
      this.closeFrames.push({ code, reason: String(reason) });
    });
  }
}

export type OpenOptions = {
  token?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  protocols?: string[];
};

/** The text of a frame; ws gives one as a Buffer, as long as nobody sets its binaryType. */
export function textOf(data: RawData): string {
  if (data instanceof Uint8Array) return new TextDecoder().decode(data);
  throw new Error("the frame is not a Buffer");
}

/** Where clients connect: a `Server`, or a `Runtime`. */
export type Address = Pick<Server, "host">;

/** The address of a room's socket. */
export function socketUrl(
  { host }: Address,
  room: string,
  query: Record<string, string> = {},
): string {
  const search = new URLSearchParams(query);
  return `ws://${host}/rooms/${encodeURIComponent(room)}/ws?${search.toString()}`;
}

/** Connects, and waits until the connection is open; its first frames may be there or not. */
export async function open(
  server: Address,
  room: string,
  options: OpenOptions = {},
): Promise<Client> {
  const client = connect(server, room, options);
  await once(client.ws, "open");
  return client;
}

/** Begins to connect. */
export function connect(server: Address, room: string, options: OpenOptions = {}): Client {
  const { token, query = {}, headers = {}, protocols = [] } = options;
  const url = socketUrl(server, room, token === undefined ? query : { ...query, token });
  return new Client(new WebSocket(url, protocols, { headers }));
}

/** A token that the servers of server.ts believe. `claims` may say anything. */
export function tokenFor(sub: string, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ sub, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(SECRET));
}

/** Connects as a user. */
export async function openAs(
  server: Address,
  sub: string,
  room: string,
  options: OpenOptions = {},
): Promise<Client> {
  return open(server, room, { ...options, token: await tokenFor(sub) });
}

/** A client of view `diff` that has its first two frames. */
export type Joined = { client: Client; welcome: WelcomeFrame; sync: SyncFrame };

/** Connects as a user in view `diff`, and waits for `welcome` and `sync`. */
export async function joinAs(
  server: Address,
  sub: string,
  room: string,
  query: Record<string, string> = {},
): Promise<Joined> {
  const client = await openAs(server, sub, room, { query: { ...query, view: "diff" } });
  const welcome = await client.nextOf("welcome");
  const sync = await client.nextOf("sync");
  return { client, welcome, sync };
}

/** What takes the presence up again that a `welcome` was for. */
export function resumption({ channel = "", resume = "" }: WelcomeFrame): Record<string, string> {
  return { channel, resume };
}

/** Who a newcomer is told is here: looks in without being in the room. */
export async function look(server: Address, room: string): Promise<readonly Presence[]> {
  const { client, sync } = await joinAs(server, "newcomer", room, { watch: "1" });
  client.ws.close();
  await client.closes.next();
  return sync.presences;
}

/** The presences that a client of view `diff` believes in, by channel: what it got, applied in order. */
export function believed({ frames }: Client): Map<string, Presence> {
  let presences = new Map<string, Presence>();
  for (const frame of frames.all) {
    if (frame === "heartbeat") continue;
    if (frame.type === "sync") presences = new Map(frame.presences.map((p) => [p.channel, p]));
    if (frame.type !== "diff") continue;
    for (const { channel } of frame.leaves) presences.delete(channel);
    for (const presence of frame.joins) presences.set(presence.channel, presence);
  }
  return presences;
}

/** The ids of the users of presences, sorted, each as often as it is there. */
export function idsOf(presences: Iterable<Presence>): string[] {
  return Array.from(presences, ({ user }) => user?.id ?? "").toSorted();
}
