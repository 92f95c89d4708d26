/**
 * Presence as a first draft has it, for the cost model only: each heartbeat is handled and stored, and an alarm
 * every 30 seconds removes who went silent. It hibernates as well as it can.
 */

import { DurableObject } from "cloudflare:workers";
import { countEvents, counters, watch } from "./counters.ts";

const MAX_AGE_MS = 60_000;
const PRUNE_EVERY_MS = 30_000;

type Env = { ROOM: DurableObjectNamespace<Room> };

export class Room extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch("Room", ctx), env);
    this.#sql("CREATE TABLE IF NOT EXISTS presences (id TEXT PRIMARY KEY, last_seen INTEGER)");
  }

  override async fetch(request: Request): Promise<Response> {
    const id = new URL(request.url).searchParams.get("_pk") ?? "";
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(id);
    this.#sql("INSERT OR REPLACE INTO presences VALUES (?, ?)", id, Date.now());
    const ids = this.#sql("SELECT id FROM presences").map((row) => row["id"]);
    server.send(JSON.stringify({ type: "list", ids }));
    this.#tell({ type: "join", id }, server);
    if ((await this.ctx.storage.getAlarm()) === null) await this.#setAlarm();
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): void {
    const id: unknown = ws.deserializeAttachment();
    this.#sql("UPDATE presences SET last_seen = ? WHERE id = ?", Date.now(), id);
    if (data === '"heartbeat"') ws.send(data);
    else for (const other of this.ctx.getWebSockets()) other.send(data);
  }

  override webSocketClose(ws: WebSocket): void {
    const id: unknown = ws.deserializeAttachment();
    ws.close(1000);
    this.#sql("DELETE FROM presences WHERE id = ?", id);
    this.#tell({ type: "leave", id }, ws);
  }

  override async alarm(): Promise<void> {
    const before = Date.now() - MAX_AGE_MS;
    for (const { id } of this.#sql("SELECT id FROM presences WHERE last_seen < ?", before)) {
      this.#sql("DELETE FROM presences WHERE id = ?", id);
      this.#tell({ type: "leave", id });
    }
    if (this.#sql("SELECT 1 FROM presences LIMIT 1").length > 0) await this.#setAlarm();
  }

  #sql(query: string, ...bindings: unknown[]): Record<string, SqlStorageValue>[] {
    return this.ctx.storage.sql.exec(query, ...bindings).toArray();
  }

  #setAlarm(): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + PRUNE_EVERY_MS);
  }

  #tell(frame: object, except?: WebSocket): void {
    const text = JSON.stringify(frame);
    for (const ws of this.ctx.getWebSockets()) {
      if (ws !== except && ws.readyState === WebSocket.OPEN) ws.send(text);
    }
  }
}

countEvents("Room", Room.prototype);

export default {
  fetch(request: Request, env: Env) {
    const name = new URL(request.url).pathname.split("/")[2] ?? "";
    return counters(request) ?? env.ROOM.getByName(name).fetch(request);
  },
} satisfies ExportedHandler<Env>;
