/** `webhooks(env)`: whether the receiver of webhooks is there. */

import { type Bindings, bindingsOf, type Env } from "../config/env.ts";
import type { WebhookTest } from "../core/http-shapes.ts";
import { ProtocolError } from "../core/protocol.ts";
import { webhookTransport } from "./webhook-transport.ts";

/** The webhooks of this Worker. Of a room they are asked by `rooms(env).get(room)`. */
export class Webhooks {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /**
   * Sends a body of type `webhook.test`, without events, and returns what came of it. Throws a
   * ProtocolError `no_webhook` where there is no receiver.
   */
  async test(): Promise<WebhookTest> {
    const transport = webhookTransport(this.#env);
    if (transport === null) throw noWebhook();
    const id = `msg_test_${crypto.randomUUID()}`;
    const timestamp = new Date().toISOString();
    const body = { type: "webhook.test", timestamp, data: { events: [] } } as const;
    const { status, error } = await transport.send({ id, body });
    return { status, ...(error === null ? {} : { error }) };
  }
}

/**
 * The webhooks of the Worker with these bindings.
 *
 * @example
 * const { status } = await webhooks(env).test();
 */
export function webhooks(env: Bindings): Webhooks {
  return new Webhooks(bindingsOf(env));
}

/** What to do where a webhook is asked for, and there is none. */
export function noWebhook(): ProtocolError {
  return new ProtocolError(
    "no_webhook",
    "there is no receiver of webhooks; its operator must set PRESENCE_WEBHOOK_URL and PRESENCE_WEBHOOK_SECRET, or bind the queue PRESENCE_EVENTS",
  );
}
