/** The TypeScript of docs/from-django.md for the compiler, block by block; a test compares the two. Nothing runs it. */

import { DurableObject, env } from "cloudflare:workers";
import {
  app,
  Channel,
  type Env,
  Lobby,
  presenceChanged,
  presences,
  removePresence,
  Room,
  rooms,
  touchPresence,
} from "../../src/index.ts";

export { Channel, Lobby, Room };
export default app;

await rooms(env).add("some_room", "bot-1", { id: "bot", name: "The bot" });

await rooms(env).remove("some_room", "bot-1");
await presences(env).leaveAll("bot-1");

export class Chat extends DurableObject<Env> {
  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    const channel = `chat-${crypto.randomUUID()}`;
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(channel);
    await rooms(this.env).add("some_room", channel);
    return new Response(null, { status: 101, webSocket: client });
  }

  channelName(ws: WebSocket): string {
    return String(ws.deserializeAttachment());
  }

  @touchPresence
  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    ws.send(data);
  }

  @removePresence
  override webSocketClose(ws: WebSocket): void {
    ws.close();
  }
}

await presences(env).touch("bot-1");

presenceChanged.connect(async ({ room, added, removed, diff }) => {
  if (added?.user) await room.send({ text: `${added.user.id} is here` });
  if (removed) console.error(`${removed.channel} left ${room.name}`);
  for (const { channel, reason } of diff.leaves) console.error(`${channel}: ${reason}`);
});
