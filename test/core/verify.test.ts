/** `durable-presence/webhooks` against what the public library signs. */

import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { VerificationError, verify } from "../../src/webhooks/index.ts";
import { roomEvent } from "../support/room-events.ts";

const SECRET = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
const BODY = JSON.stringify({
  type: "presence.events",
  timestamp: "2026-11-29T12:00:00.000Z",
  data: { events: [roomEvent(1), roomEvent(2, { user: { id: "zoë", text: "“ü” 💚" } })] },
});

type Sent = {
  body?: string;
  signedBody?: string;
  secrets?: readonly string[];
  at?: number;
  headers?: Record<string, string>;
};

function request({
  body = BODY,
  signedBody = body,
  secrets = [SECRET],
  at = Date.now(),
  headers = {},
}: Sent = {}): Request {
  const signatures = secrets.map((secret) =>
    new Webhook(secret).sign("msg_1", new Date(at), signedBody),
  );
  return new Request("https://example.com/hooks", {
    method: "POST",
    body,
    headers: {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(at / 1_000)),
      "webhook-signature": signatures.join(" "),
      ...headers,
    },
  });
}

describe("passes", () => {
  test("what is signed, and is the body", async () => {
    expect(await verify(request(), SECRET)).toEqual(JSON.parse(BODY));
  });

  test("while the sender changes its secret, and while the receiver does", async () => {
    const both = await verify(request({ secrets: [OTHER, SECRET] }), SECRET);
    const either = await verify(request({ secrets: [SECRET] }), `${OTHER} ${SECRET}`);
    expect([both, either]).toEqual([JSON.parse(BODY), JSON.parse(BODY)]);
  });

  test("types and fields of a later version", async () => {
    const data = { events: [{ ...roomEvent(1), type: "room.renamed", more: 1 }] };
    const body = JSON.stringify({ type: "presence.others", timestamp: "2026", data });
    expect(await verify(request({ body }), SECRET)).toEqual(JSON.parse(body));
  });
});

describe("does not pass, and says why", () => {
  const minutes = 60_000;
  test.each<[string, Sent, RegExp]>([
    ["another secret", { secrets: [OTHER] }, /secret is another one/],
    ["a changed body", { body: BODY.replace("zoë", "eve"), signedBody: BODY }, /body is not what/],
    ["an old time stamp", { at: Date.now() - 6 * minutes }, /5 minutes ago/],
    ["a time stamp of tomorrow", { at: Date.now() + 6 * minutes }, /5 minutes ahead/],
    ["a changed id", { headers: { "webhook-id": "msg_2" } }, /no signature fits/],
    ["a time stamp that is none", { headers: { "webhook-timestamp": "now" } }, /not a number/],
    ["no signature", { headers: { "webhook-signature": "" } }, /webhook-signature is missing/],
    ["another kind of signature", { headers: { "webhook-signature": "v2,abc" } }, /no signature/],
    ["a body of somebody else", { body: '{"hello":1}' }, /not one of this service/],
    ["a body that is not JSON", { body: "hello" }, /not one of this service/],
    ["no body", { body: "" }, /not one of this service/],
    ["a body without an end", { body: "x".repeat(65_537) }, /65,536 bytes/],
  ])("%s", async (_name, sent, reason) => {
    const verifying = verify(request(sent), SECRET);
    await expect(verifying).rejects.toThrow(VerificationError);
    await expect(verifying).rejects.toThrow(reason);
  });

  test("a body is read no further than it may be long", async () => {
    let pieces = 0;
    const body = new ReadableStream({
      pull(controller) {
        pieces += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
    });
    // Node wants to be told that the answer may come before the end; the types of Workers do not know it.
    const duplex: object = { duplex: "half" };
    const endless = new Request("https://example.com", { method: "POST", body, ...duplex });
    await expect(verify(endless, SECRET)).rejects.toThrow(/too large/);
    expect(pieces).toBeLessThan(10);
  });
});

describe("what the receiver did wrong is another error", () => {
  test.each([
    "",
    " ",
    "whsec_",
    "whsec_c2hvcnQ=",
    `${SECRET} nonsense`,
    Buffer.alloc(32).toString("base64"),
    `whsec_${"A".repeat(88)}`,
  ])("the secret %j", async (secret) => {
    const verifying = verify(request(), secret);
    await expect(verifying).rejects.toThrow(/PRESENCE_WEBHOOK_SECRET/);
    await expect(verifying).rejects.not.toThrow(VerificationError);
  });

  test("a body that was read before", async () => {
    const sent = request();
    await sent.text();
    await expect(verify(sent, SECRET)).rejects.toThrow(/read before/);
  });
});
