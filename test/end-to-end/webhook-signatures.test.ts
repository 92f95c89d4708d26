/** What a service as it runs posts to a server of its own, and what the public library says of it. */

import { Webhook } from "standardwebhooks";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/webhooks/index.ts";
import { tokenFor } from "../support/client.ts";
import { type Call, lost, ok, Receiver, status, webhookSecret } from "../support/receiver.ts";
import { Server } from "../support/server.ts";

const OLD = webhookSecret(1);
const NEW = webhookSecret(2);
const Failure = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

let receiver: Receiver;
/** Signs with two secrets, as in a rotation. */
let server: Server;

beforeAll(async () => {
  receiver = await Receiver.start(OLD);
  server = await Server.start({ ...receiver.vars, PRESENCE_WEBHOOK_SECRET: `${NEW} ${OLD}` });
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
});

async function sendTest(claims: Record<string, unknown> = { can: ["admin"] }, at = server) {
  const headers = { authorization: `Bearer ${await tokenFor("server", claims)}` };
  const response = await fetch(`${at.url}/webhooks/test`, { method: "POST", headers });
  return { status: response.status, body: await response.json() };
}

async function received(): Promise<Call> {
  receiver.tests.answers = [ok];
  expect(await sendTest()).toEqual({ status: 200, body: { status: 204 } });
  return receiver.tests.calls.next();
}

test("a test is a body of its own, without events, as JSON", async () => {
  const { body, headers, id } = await received();
  expect(body).toMatchObject({ type: "webhook.test", data: { events: [] } });
  expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(60_000);
  expect(headers["content-type"]).toBe("application/json");
  expect(id).toMatch(/^msg_test_/);
  expect((await received()).id).not.toBe(id);
});

function verifying(secret: string, sent: string, headers: Record<string, string>): () => unknown {
  return () => new Webhook(secret).verify(sent, headers);
}

describe("the public library", () => {
  test("verifies with either of two secrets, and so does ours", async () => {
    const { text, headers, body } = await received();
    expect(new Webhook(OLD).verify(text, headers)).toEqual(body);
    expect(new Webhook(NEW).verify(text, headers)).toEqual(body);
    const request = new Request("http://hook", { method: "POST", body: text, headers });
    expect(await verify(request, NEW)).toEqual(body);
  });

  test("refuses with another secret, for a changed body, and an old time stamp", async () => {
    const { text, headers } = await received();
    expect(verifying(webhookSecret(3), text, headers)).toThrow("No matching signature");
    expect(verifying(OLD, text.replace("test", "tesT"), headers)).toThrow("No matching signature");
    const old = {
      ...headers,
      "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 400),
    };
    expect(verifying(OLD, text, old)).toThrow("too old");
  });
});

describe("the answer to a test says", () => {
  test.each([200, 301, 410, 500])("that the receiver answered %i", async (code) => {
    receiver.tests.answers = [status(code, { location: "http://127.0.0.1:1/elsewhere" })];
    expect(await sendTest()).toEqual({ status: 200, body: { status: code } });
  });

  test("that it could not be reached, and not where it is", async () => {
    receiver.tests.answers = [lost];
    const error = "the receiver could not be reached";
    expect(await sendTest()).toEqual({ status: 200, body: { status: null, error } });
  });
});

describe("a test is refused", () => {
  test("to a token that is for some rooms", async () => {
    const { status: code, body } = await sendTest({ can: ["admin"], rooms: ["game-*"] });
    expect(code).toBe(403);
    expect(v.parse(Failure, body).error.message).toBe("the token is not for all rooms");
  });

  test("where there is no receiver", async () => {
    const alone = await Server.start();
    try {
      const { status: code, body } = await sendTest({ can: ["admin"] }, alone);
      expect([code, v.parse(Failure, body).error.code]).toEqual([409, "no_webhook"]);
    } finally {
      await alone.stop();
    }
  });
});

test("neither the address nor a secret is in the log", () => {
  for (const text of ["a-private-path", OLD.slice(6), NEW.slice(6)]) {
    expect(server.output).not.toContain(text);
  }
});
