/** For receivers of webhooks: proves that a request comes from this service and is not an old one. */

import { Webhook, WebhookVerificationError } from "standardwebhooks";
import * as v from "valibot";
import { WEBHOOK_BYTES_MAX, WEBHOOK_KEY_BYTES_MAX, WEBHOOK_KEY_BYTES_MIN } from "../core/limits.ts";
import { formatCount } from "../core/protocol.ts";
import type { WebhookBody } from "../core/webhook-body.ts";

export type { Json, JsonObject } from "../core/json.ts";
export type { LeaveReason, User } from "../core/presence.ts";
export type { RoomEvent, RoomEventType } from "../core/room-events.ts";
export type { WebhookBody } from "../core/webhook-body.ts";

/** The request is not one of this service, or not one of now. Answer with 400. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
}

/** What the library says of a request, in words that say what to look at. */
const REASONS = new Map([
  [
    "Missing required headers",
    "webhook-id, webhook-timestamp or webhook-signature is missing: this is no webhook",
  ],
  ["Invalid Signature Headers", "webhook-timestamp is not a number of seconds"],
  [
    "Message timestamp too old",
    "webhook-timestamp is more than 5 minutes ago: an old request, or a clock that is wrong",
  ],
  ["Message timestamp too new", "webhook-timestamp is more than 5 minutes ahead: a clock is wrong"],
  [
    "No matching signature found",
    "no signature fits: the secret is another one, or the body is not what was sent",
  ],
]);

// SAFETY: the signature proves that the service wrote it. A later version of it may know more types
// and fields than this one, which must not stop its deliveries.
const Body = v.custom<WebhookBody>((value) =>
  v.is(
    v.object({
      type: v.string(),
      timestamp: v.string(),
      data: v.object({ events: v.array(v.object({ id: v.string(), type: v.string() })) }),
    }),
    value,
  ),
);

/**
 * Reads a request, which must not have been read before, and returns its body. Throws a
 * VerificationError that says what is wrong with the request, and an Error where `secret` is none.
 *
 * @param secret the PRESENCE_WEBHOOK_SECRET of the service: "whsec_…", or two of them with a space
 *   between, of which either may have signed
 * @example
 * const { data } = await verify(request, env.PRESENCE_WEBHOOK_SECRET);
 */
export async function verify(request: Request, secret: string): Promise<WebhookBody> {
  const webhooks = webhooksOf(secret);
  if (request.bodyUsed) throw new Error("the body was read before; verify the request first");
  const headers = Object.fromEntries(request.headers);
  const text = await readText(request);
  let failure: unknown;
  for (const webhook of webhooks) {
    try {
      webhook.verify(text, headers, { jsonParse: false });
      return bodyOf(text);
    } catch (error) {
      failure = error;
    }
  }
  if (!(failure instanceof WebhookVerificationError)) throw failure;
  throw new VerificationError(REASONS.get(failure.message) ?? failure.message);
}

function webhooksOf(secret: string): Webhook[] {
  const secrets = secret.split(/\s+/).filter((text) => text !== "");
  const webhooks = secrets.map((text) => (isKey(text) ? new Webhook(text) : null));
  const known = webhooks.filter((webhook) => webhook !== null);
  if (known.length > 0 && known.length === webhooks.length) return known;
  throw new Error(
    `the secret must be the service's PRESENCE_WEBHOOK_SECRET: whsec_ and the base64 of ${WEBHOOK_KEY_BYTES_MIN} to ${WEBHOOK_KEY_BYTES_MAX} bytes`,
  );
}

function isKey(text: string): boolean {
  const [, base64 = ""] =
    /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text) ?? [];
  const bytes = (base64.replace(/=+$/, "").length * 3) >> 2;
  return bytes >= WEBHOOK_KEY_BYTES_MIN && bytes <= WEBHOOK_KEY_BYTES_MAX;
}

/** The body, of which no more is read than a body may have: it is a stranger's until it is verified. */
async function readText({ body }: Request): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  let [text, bytes] = ["", 0];
  for (;;) {
    // The next piece is there only after the one before.
    // oxlint-disable-next-line no-await-in-loop
    const { value } = (await reader?.read()) ?? {};
    if (value === undefined) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > WEBHOOK_BYTES_MAX) {
      void reader?.cancel();
      const limit = formatCount(WEBHOOK_BYTES_MAX);
      throw new VerificationError(
        `the body is too large for a webhook; the limit is ${limit} bytes`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
}

function bodyOf(text: string): WebhookBody {
  const result = v.safeParse(Body, parse(text));
  if (result.success) return result.output;
  throw new VerificationError(
    "the body is signed, and not one of this service: whose secret is it?",
  );
}

/** `undefined` for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
