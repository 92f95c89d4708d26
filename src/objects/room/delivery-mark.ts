/**
 * How far the webhooks of a room have got, across sleep: an open socket carries it in its
 * attachment, so that a delivery which succeeds costs no row. A crash loses it; then the position
 * in storage counts.
 */

import type { DeliveryPosition } from "../../core/delivery-position.ts";
import { type Attachments, openCarrier } from "./attachments.ts";

export class DeliveryMark {
  readonly #ctx: DurableObjectState;
  readonly #attachments: Attachments;
  #carrier: WebSocket | undefined;

  constructor(ctx: DurableObjectState, attachments: Attachments) {
    this.#ctx = ctx;
    this.#attachments = attachments;
  }

  /** Where the deliveries of this life of the log are, as far as a socket knows; `null` for unknown. */
  read(life: string): DeliveryPosition | null {
    for (const ws of this.#ctx.getWebSockets()) {
      const { mark } = this.#attachments.of(ws);
      if (mark?.life !== life) continue;
      this.#carrier = ws;
      return mark.position;
    }
    return null;
  }

  save(life: string, position: DeliveryPosition): void {
    this.#carry({ life, position });
  }

  /** A socket closes: another one carries the mark, if there is one. */
  inherit(ws: WebSocket): void {
    const { mark, ...connection } = this.#attachments.of(ws);
    if (!mark) return;
    this.#attachments.save(ws, connection);
    this.#carrier = undefined;
    this.#carry(mark);
  }

  #carry(mark: { readonly life: string; readonly position: DeliveryPosition }): void {
    const carrier = openCarrier(this.#ctx, this.#attachments, this.#carrier);
    this.#carrier = carrier;
    if (carrier) this.#attachments.save(carrier, { ...this.#attachments.of(carrier), mark });
  }
}
