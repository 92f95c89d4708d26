/**
 * Takes a webhook to its receiver: a signed POST, or a message of a queue. Errors are told in words
 * of ours, for those of the platform may quote the address.
 */

import type { Env } from "../config/env.ts";
import { readSettings, type Webhook } from "../config/settings.ts";
import { WEBHOOK_ANSWER_MS_MAX } from "../core/limits.ts";
import { matchesAny } from "../core/names.ts";
import { retryAfterOf } from "../core/webhook-attempts.ts";
import type { WebhookBody } from "../core/webhook-body.ts";

/** One webhook. A repetition has the same id and the same body. */
export type WebhookMessage = { readonly id: string; readonly body: WebhookBody };

/** What came of it. */
export type Receipt = {
  /** The HTTP status; `null` where none came. A queue that has taken a message says 202. */
  readonly status: number | null;
  /** What the receiver asked for, in milliseconds; `null` where it did not. */
  readonly retryAfterMs: number | null;
  /** Why there is no status. */
  readonly error: string | null;
};

export interface WebhookTransport {
  /** Never throws. */
  send(message: WebhookMessage): Promise<Receipt>;
  /** A text that changes with the receiver: with its address and its secrets. Tells neither. */
  receiver(): Promise<string>;
}

/** The transport of a Worker with these bindings; `null` where there is no receiver. */
export function webhookTransport(env: Env): WebhookTransport | null {
  const { webhook } = readSettings(env);
  if (webhook !== null) return new HttpTransport(webhook);
  return env.PRESENCE_EVENTS === undefined ? null : new QueueTransport(env.PRESENCE_EVENTS);
}

/** The same for the events of one room; `null` where nothing of it is sent. */
export function roomTransport(room: string, env: Env): WebhookTransport | null {
  const { webhookRooms, historyMs } = readSettings(env);
  return historyMs > 0 && matchesAny(webhookRooms, room) ? webhookTransport(env) : null;
}

class HttpTransport implements WebhookTransport {
  readonly #webhook: Webhook;

  constructor(webhook: Webhook) {
    this.#webhook = webhook;
  }

  async send({ id, body }: WebhookMessage): Promise<Receipt> {
    const { url, secrets } = this.#webhook;
    const text = JSON.stringify(body);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), WEBHOOK_ANSWER_MS_MAX);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: await signedHeaders(id, text, secrets),
        body: text,
        // It would take the events to an address that nobody has set.
        redirect: "manual",
        signal: timeout.signal,
      });
      const retryAfter = response.headers.get("retry-after");
      // Nobody reads it, and it may have no end.
      await response.body?.cancel();
      const retryAfterMs = retryAfterOf(retryAfter, Date.now(), Date.parse);
      return { status: response.status, retryAfterMs, error: null };
    } catch {
      return failure(timeout.signal.aborted ? NO_ANSWER : "the receiver could not be reached");
    } finally {
      // One that is pending, as that of `AbortSignal.timeout` would be, keeps the room in memory.
      clearTimeout(timer);
    }
  }

  async receiver(): Promise<string> {
    const { url, secrets } = this.#webhook;
    const text = JSON.stringify([url, ...secrets.map((secret) => base64Of(secret))]);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return base64Of(new Uint8Array(digest));
  }
}

class QueueTransport implements WebhookTransport {
  readonly #queue: Queue<WebhookBody>;

  constructor(queue: Queue<WebhookBody>) {
    this.#queue = queue;
  }

  async send({ body }: WebhookMessage): Promise<Receipt> {
    try {
      await this.#queue.send(body, { contentType: "json" });
      return { status: 202, retryAfterMs: null, error: null };
    } catch {
      return failure("the queue PRESENCE_EVENTS did not take it");
    }
  }

  receiver(): Promise<string> {
    return Promise.resolve("queue");
  }
}

const NO_ANSWER = `no answer within ${WEBHOOK_ANSWER_MS_MAX / 1_000} seconds`;

function failure(error: string): Receipt {
  return { status: null, retryAfterMs: null, error };
}

/** Of Standard Webhooks 1.0, for this attempt: with one signature for each secret. */
async function signedHeaders(
  id: string,
  text: string,
  secrets: Webhook["secrets"],
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const content = new TextEncoder().encode(`${id}.${timestamp}.${text}`);
  const signatures = await Promise.all(secrets.map((secret) => sign(secret, content)));
  return {
    "content-type": "application/json",
    "user-agent": "durable-presence",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.map((signature) => `v1,${signature}`).join(" "),
  };
}

async function sign(secret: Uint8Array<ArrayBuffer>, content: BufferSource): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return base64Of(new Uint8Array(await crypto.subtle.sign("HMAC", key, content)));
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
