/**
 * An application of one's own that holds sockets and has the decorators keep their presences: what it does
 * itself is as little as a test must see. The decorators are called as functions here, which is what their
 * syntax means: neither the runtime nor the tool that prepares these files for it knows the syntax.
 */

import { DurableObject } from "cloudflare:workers";
import { type ChannelHolder, removePresence, touchPresence } from "../../src/index.ts";

/** A call that a decorator let through. */
export type Call = { readonly method: string; readonly channel: string; readonly args: unknown[] };

const calls = new Map<string, Call[]>();

/** The calls that reached the methods of the game of that name; shared with the test, which runs in the same isolate. */
export function callsOf(name: string): Call[] {
  const known = calls.get(name) ?? [];
  calls.set(name, known);
  return known;
}

/** Accepts sockets; the path of the address is the name of the channel. */
abstract class Table extends DurableObject implements ChannelHolder {
  override fetch(request: Request): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(decodeURIComponent(new URL(request.url).pathname.slice(1)));
    return new Response(null, { status: 101, webSocket: client });
  }

  channelName(ws: WebSocket): string {
    return String(ws.deserializeAttachment());
  }

  note(method: string, ws: WebSocket, ...args: unknown[]): void {
    callsOf(this.ctx.id.name ?? "").push({ method, channel: this.channelName(ws), args });
  }
}

const messageContext = contextOf("webSocketMessage");
const closeContext = contextOf("webSocketClose");

const hear = touchPresence(function hear(this: Table, ws: WebSocket, data: string | ArrayBuffer) {
  this.note("message", ws, data);
  if (data === "throw") throw new Error("the game broke");
  ws.send(data);
}, messageContext);

const end = removePresence(function end(this: Table, ws: WebSocket, code: number, reason: string) {
  this.note("close", ws, code, reason);
  if (reason === "throw") throw new Error("the game broke");
}, closeContext);

const hearLater = touchPresence(async function hearLater(
  this: Table,
  ws: WebSocket,
  data: string | ArrayBuffer,
): Promise<void> {
  await scheduler.wait(1);
  this.note("message", ws, data);
  if (data === "throw") throw new Error("the game broke");
  ws.send(data);
}, messageContext);

const endLater = removePresence(async function endLater(
  this: Table,
  ws: WebSocket,
  code: number,
  reason: string,
): Promise<void> {
  await scheduler.wait(1);
  this.note("close", ws, code, reason);
  if (reason === "throw") throw new Error("the game broke");
}, closeContext);

/** Its decorated methods are sync. It echoes what it hears. */
export class Game extends Table {
  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): void {
    return hear.call(this, ws, data);
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    return end.call(this, ws, code, reason);
  }
}

/** The same, with async methods. */
export class AsyncGame extends Table {
  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    return hearLater.call(this, ws, data);
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): Promise<void> {
    return endLater.call(this, ws, code, reason);
  }
}

/** What the runtime would tell a decorator of the method that it stands before. */
function contextOf(name: string): ClassMethodDecoratorContext<never, never> {
  const access = { has: () => true, get: unused };
  return {
    kind: "method",
    name,
    static: false,
    private: false,
    access,
    addInitializer: unused,
    metadata: {},
  };
}

function unused(): never {
  throw new Error("a decorator of ours needs no more than its method");
}
