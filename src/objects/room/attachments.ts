/**
 * What each socket of a room carries across hibernation: who it is, its state, when its last frame
 * came, its share of the counters.
 */

import * as v from "valibot";
import { DeliveryPosition } from "../../core/delivery-position.ts";
import { KnownUser } from "../../core/presence.ts";
import { VIEWS } from "../../core/protocol.ts";
import { STATUSES } from "../../core/status.ts";
import { logError } from "../../telemetry/log.ts";

const Numbers = v.pipe(v.array(v.number()), v.readonly());

/**
 * `save` alone writes attachments; the fields tell one of another version. The optional ones came
 * later.
 */
const Connection = v.object({
  channel: v.string(),
  user: v.nullable(KnownUser),
  view: v.picklist(VIEWS),
  isWatching: v.boolean(),
  canSend: v.boolean(),
  /** Time of the last frame; that of heartbeats is kept by the runtime. */
  seenAt: v.number(),
  /** As JSON text: its size is bounded, that of a structured clone is not. */
  state: v.optional(v.string()),
  /** What its client told of its status. */
  told: v.optional(v.object({ status: v.picklist(STATUSES), activeAt: v.number() })),
  /**
   * Closed by the room. It stays on the runtime's list until its peer answers, but counts for
   * nothing.
   */
  isRefused: v.optional(v.literal(true)),
  /** What is left of its bucket of frames, as the throttle keeps it. */
  bucket: v.optional(Numbers),
  /** How far the room's webhooks have got, where this socket carries it. */
  mark: v.optional(v.object({ life: v.string(), position: DeliveryPosition })),
  counters: v.optional(v.object({ since: v.number(), counts: Numbers, reported: Numbers })),
});
export type Connection = v.InferOutput<typeof Connection>;

/** RFC 6455: the server met an unexpected condition. */
export const INTERNAL_ERROR = 1011;

export class Attachments {
  /** Those of this life of the object, so that each is read once. */
  readonly #connections = new WeakMap<WebSocket, Connection>();

  of(ws: WebSocket): Connection {
    const known = this.#connections.get(ws);
    if (known) return known;
    const result = v.safeParse(Connection, ws.deserializeAttachment());
    const connection = result.success ? result.output : giveUp(ws);
    this.#connections.set(ws, connection);
    return connection;
  }

  /** Whether the socket is one of the room's, known in this life of the object. */
  has(ws: WebSocket): boolean {
    return this.#connections.has(ws);
  }

  save(ws: WebSocket, connection: Connection): void {
    this.#connections.set(ws, connection);
    ws.serializeAttachment(connection);
  }
}

/**
 * A socket that may carry what is to outlive sleep: `carrier` as long as it is open, else any open one. Those
 * that the room has closed are gone soon.
 */
export function openCarrier(
  ctx: DurableObjectState,
  attachments: Attachments,
  carrier: WebSocket | undefined,
): WebSocket | undefined {
  if (isOpen(carrier)) return carrier;
  return ctx.getWebSockets().find((ws) => isOpen(ws) && !attachments.of(ws).isRefused);
}

export function isOpen(ws: WebSocket | undefined): boolean {
  return ws?.readyState === WebSocket.OPEN;
}

/**
 * An attachment that cannot be read must not keep the room from waking. The client connects again.
 */
function giveUp(ws: WebSocket): Connection {
  logError("unreadable socket closed", null);
  ws.close(INTERNAL_ERROR, "connect again");
  const nobody = { channel: "", user: null, view: VIEWS[0], canSend: false, seenAt: 0 };
  return { ...nobody, isWatching: true, isRefused: true };
}
