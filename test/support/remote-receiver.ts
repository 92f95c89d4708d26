/** What a test inside the runtime asks of the receiver of webhooks, a Worker of its own: see remote-receiver.js. */

import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import * as v from "valibot";
import { WebhookBody } from "../../src/core/webhook-body.ts";

const Noted = v.object({
  headers: v.record(v.string(), v.string()),
  text: v.string(),
  status: v.nullable(v.number()),
  isTaken: v.boolean(),
});
const Bound = v.object({ RECEIVER: v.custom<Fetcher>((value) => value !== undefined) });

/** One call, its signature verified. */
export type NotedCall = v.InferOutput<typeof Noted> & {
  readonly id: string;
  readonly body: WebhookBody;
};

/** How often it fails, from 0 to 1, by a seed; or what it answers to everything. */
export type ReceiverPlan = {
  readonly seed?: number;
  readonly failing?: number;
  readonly answer?: number;
};

/** From now on the receiver answers like this. */
export async function planReceiver({ seed = 1, failing = 0, ...plan }: ReceiverPlan) {
  await ask("/plan", { method: "POST", body: JSON.stringify({ seed, failing, ...plan }) });
}

/** The calls that came since the last time. */
export async function takeCalls(): Promise<NotedCall[]> {
  const response = await ask("/calls");
  return v.parse(v.array(Noted), await response.json()).map(verified);
}

function verified(noted: v.InferOutput<typeof Noted>): NotedCall {
  const { headers, text } = noted;
  const id = headers["webhook-id"] ?? "";
  // Signed anew and not verified, which would refuse time stamps that tests have left behind with their clock.
  const at = new Date(Number(headers["webhook-timestamp"]) * 1_000);
  const expected = new Webhook(env.PRESENCE_WEBHOOK_SECRET ?? "").sign(id, at, text);
  if (headers["webhook-signature"] !== expected) throw new Error(`${id} has a wrong signature`);
  return { ...noted, id, body: v.parse(WebhookBody, JSON.parse(text)) };
}

function ask(path: string, init?: RequestInit): Promise<Response> {
  return v.parse(Bound, env).RECEIVER.fetch(`https://receiver.test${path}`, init);
}
