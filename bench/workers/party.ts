/**
 * Presence as one writes it with partyserver, in the idiom of its own fixtures: who comes gets the list and
 * everybody else hears of them; who goes is announced too; messages and heartbeats are handled in the object.
 */

import { type Connection, routePartykitRequest, Server } from "partyserver";
import { countEvents, counters, watch } from "./counters.ts";

type Env = { ROOM: DurableObjectNamespace<Room> };

export class Room extends Server<Env> {
  static override options = { hibernate: true };

  constructor(ctx: DurableObjectState, env: Env) {
    super(watch("Room", ctx), env);
  }

  override onConnect(connection: Connection): void {
    const ids = Array.from(this.getConnections(), ({ id }) => id);
    connection.send(JSON.stringify({ type: "list", ids }));
    this.broadcast(JSON.stringify({ type: "join", id: connection.id }), [connection.id]);
  }

  override onMessage(
    connection: Connection,
    message: string | ArrayBuffer | ArrayBufferView,
  ): void {
    if (message === '"heartbeat"') connection.send('"heartbeat"');
    else this.broadcast(message);
  }

  override onClose(connection: Connection): void {
    this.broadcast(JSON.stringify({ type: "leave", id: connection.id }), [connection.id]);
  }
}

countEvents("Room", Server.prototype);

export default {
  async fetch(request: Request, env: Env) {
    const answer = counters(request) ?? (await routePartykitRequest(request, env));
    return answer ?? new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
