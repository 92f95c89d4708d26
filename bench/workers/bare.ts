/**
 * The bare object: as little as holds sockets at all. It knows nobody, checks nobody and stores nothing; what
 * one says, all get; heartbeats are answered by the runtime. No presence service can be cheaper.
 */

import { DurableObject } from "cloudflare:workers";
import { countEvents, counters, watch } from "./counters.ts";

type Env = { ROOM: DurableObjectNamespace<Room> };

export class Room extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch("Room", ctx), env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('"heartbeat"', '"heartbeat"'));
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(_: WebSocket, data: string | ArrayBuffer): void {
    for (const ws of this.ctx.getWebSockets()) ws.send(data);
  }

  override webSocketClose(ws: WebSocket): void {
    ws.close(1000);
  }
}

countEvents("Room", Room.prototype);

export default {
  fetch(request: Request, env: Env) {
    const name = new URL(request.url).pathname.split("/")[2] ?? "";
    return counters(request) ?? env.ROOM.getByName(name).fetch(request);
  },
} satisfies ExportedHandler<Env>;
