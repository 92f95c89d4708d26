/**
 * For Durable Objects of one's own that hold sockets: standard (TC39) decorators that keep the
 * presences of these sockets, as those of django-channels-presence do for consumers.
 */

import { env, waitUntil } from "cloudflare:workers";
import { TOUCH_STEP_MS } from "../core/limits.ts";
import { HEARTBEAT } from "../core/protocol.ts";
import { bindingsOf } from "../config/env.ts";
import { logError } from "../telemetry/log.ts";
import { type Presences, presences } from "./presences.ts";

/** What the object must tell: the name under which a socket was added to its rooms. */
export interface ChannelHolder {
  channelName(ws: WebSocket): string;
}

/** A `webSocketMessage` method. */
export type OnMessage<This, Result> = (
  this: This,
  ws: WebSocket,
  data: string | ArrayBuffer,
) => Result;
/** A `webSocketClose` method. */
export type OnClose<This, Args extends readonly unknown[], Result> = (
  this: This,
  ws: WebSocket,
  ...args: Args
) => Result;

/**
 * When each socket's channel was touched last, so that a busy socket does it once a second at most.
 */
const touchedAt = new WeakMap<WebSocket, number>();

/**
 * For `webSocketMessage`: each message is a sign of life of the socket's channel, in all its rooms.
 * The literal `"heartbeat"`, with its quotes, is nothing more than that: the method does not see
 * it. Sync and async methods alike; a touch that fails is logged, and the method runs all the same.
 *
 * @example class Game extends DurableObject { channelName(ws: WebSocket) { return
 * ws.deserializeAttachment().channel; } @touchPresence webSocketMessage(ws: WebSocket, data: string
 * | ArrayBuffer) { … } }
 */
export function touchPresence<This extends ChannelHolder, Result extends void | Promise<void>>(
  method: OnMessage<This, Result>,
  _context: ClassMethodDecoratorContext<This, OnMessage<This, Result>>,
): OnMessage<This, Result> {
  return function touched(this: This, ws: WebSocket, data: string | ArrayBuffer): Result {
    const now = Date.now();
    if (Math.abs(now - (touchedAt.get(ws) ?? 0)) >= TOUCH_STEP_MS) {
      touchedAt.set(ws, now);
      keep((all, channel) => all.touch(channel), this.channelName(ws));
    }
    if (data !== HEARTBEAT) return method.call(this, ws, data);
    // SAFETY: the runtime waits for what a handler returns and looks no further.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return undefined as Result;
  };
}

/**
 * For `webSocketClose`: the socket's channel leaves all its rooms, then the method runs. Sync and
 * async methods alike. A goodbye that fails is logged; the presences expire after
 * `PRESENCE_MAX_AGE` then.
 */
export function removePresence<
  This extends ChannelHolder,
  Args extends readonly unknown[],
  Result extends void | Promise<void>,
>(
  method: OnClose<This, Args, Result>,
  _context: ClassMethodDecoratorContext<This, OnClose<This, Args, Result>>,
): OnClose<This, Args, Result> {
  return function removed(this: This, ws: WebSocket, ...args: Args): Result {
    keep((all, channel) => all.leaveAll(channel), this.channelName(ws));
    return method.call(this, ws, ...args);
  };
}

/** Does it beside the event, which must not fail for it. */
function keep(act: (all: Presences, channel: string) => Promise<unknown>, channel: string): void {
  const work = async () => {
    try {
      await act(presences(bindingsOf(env)), channel);
    } catch (error) {
      logError("the presence of a socket could not be kept", error, { channel });
    }
  };
  waitUntil(work());
}
