/** The commands of webhooks against a real server and a real receiver: what people read, and what scripts do. */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { tokenFor } from "../support/client.ts";
import { type Outcome, run } from "../support/command.ts";
import { lost, ok, Receiver, status } from "../support/receiver.ts";
import { Server } from "../support/server.ts";
import { come, startServer, told } from "../support/webhooks.ts";

let receiver: Receiver;
let server: Server;
beforeAll(async () => {
  receiver = await Receiver.start();
  server = await startServer(receiver, { PRESENCE_HISTORY: "600", PRESENCE_MAX_AGE: "600" });
});
afterAll(async () => {
  await server.stop();
  await receiver.stop();
});
beforeEach(() => {
  receiver.tests.answers = [ok];
});

/** Runs a command with a token of these claims. What it says has neither the address nor the secret in it. */
async function dp(args: string[], claims: object = {}, at = server): Promise<Outcome> {
  const token = await tokenFor("operator", { can: ["admin"], ...claims });
  const outcome = await run(args, { env: { PRESENCE_URL: at.url, PRESENCE_TOKEN: token } });
  for (const text of ["a-private-path", receiver.secret.slice("whsec_".length), token]) {
    expect(outcome.stdout + outcome.stderr).not.toContain(text);
  }
  return outcome;
}

function succeeds(stdout: string): Outcome {
  return { code: 0, stdout, stderr: "" };
}

function fails(stdout: string): Outcome {
  return { code: 1, stdout, stderr: "" };
}

test("a test says what the receiver answered, and fails where that is no success", async () => {
  expect(await dp(["test-webhook"])).toEqual(succeeds("It answered 204.\n"));
  const call = await receiver.tests.calls.next();
  expect(call.body.type).toBe("webhook.test");
  receiver.tests.answers = [status(503)];
  expect(await dp(["test-webhook"])).toEqual(fails("It answered 503.\n"));
  receiver.tests.answers = [status(302, { location: "/elsewhere" })];
  expect(await dp(["test-webhook"])).toEqual(fails("It answered 302.\n"));
  receiver.tests.answers = [lost];
  expect(await dp(["test-webhook"])).toEqual(
    fails("No answer: the receiver could not be reached.\n"),
  );
});

test("a test is one document for scripts", async () => {
  const { code, stdout } = await dp(["test-webhook", "--json"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, { status: 204 }]);
  receiver.tests.answers = [lost];
  const failure = await dp(["test-webhook", "--json"]);
  expect([failure.code, JSON.parse(failure.stdout)]).toEqual([
    1,
    { status: null, error: "the receiver could not be reached" },
  ]);
});

test("a replay sends what the room keeps, or a part of it, once more", async () => {
  await come(server, "ada", "cli-replay");
  await come(server, "bob", "cli-replay");
  await told(receiver, "cli-replay", ["room.occupied", "member.joined ada", "member.joined bob"]);
  const { calls, events } = receiver.of("cli-replay");
  const words = "of cli-replay will be sent once more.\n";
  expect(await dp(["replay-webhooks", "cli-replay"])).toEqual(succeeds(`3 events ${words}`));
  const all = await calls.until(({ id }) => id.endsWith("_r1"));
  expect(all.body.data.events).toEqual(events);

  const after = events[1]?.rev ?? "";
  expect(await dp(["replay-webhooks", "cli-replay", "--after", after])).toEqual(
    succeeds(`1 event ${words}`),
  );
  const rest = await calls.until(({ id }) => id.endsWith("_r2"));
  expect(rest.body.data.events).toEqual(events.slice(2));

  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  const none = await dp(["replay-webhooks", "cli-replay", "--from", tomorrow, "--json"]);
  expect([none.code, JSON.parse(none.stdout)]).toEqual([0, { events: 0 }]);
});

test.each([
  ["both bounds", ["--after", "a:1", "--from", "0"], 2, "--after and --from cannot both be given"],
  ["a time that is none", ["--from", "soon"], 2, '--from is "soon"; it must be a time'],
  ["a revision of another room", ["--after", "other:1"], 1, "does not reach back to `after`"],
])("a replay is refused in words: %s", async (_, args, code, words) => {
  const outcome = await dp(["replay-webhooks", "cli-replay", ...args]);
  expect(outcome).toMatchObject({ code, stdout: "" });
  expect(outcome.stderr).toContain(words);
});

test("tenants replay their rooms, and test no receiver", async () => {
  const tenant = { rooms: ["cli-*"] };
  expect(await dp(["replay-webhooks", "cli-empty"], tenant)).toMatchObject({ code: 0 });
  const elsewhere = await dp(["replay-webhooks", "other"], tenant);
  expect(elsewhere).toMatchObject({ stdout: "" });
  expect(elsewhere.code).not.toBe(0);
  const tested = await dp(["test-webhook"], tenant);
  expect(tested.stderr).toContain("the token is not for all rooms");
  expect(tested.code).not.toBe(0);
});

test("without a receiver both say what to set", async () => {
  const alone = await Server.start();
  for (const args of [["test-webhook"], ["replay-webhooks", "lobby"]]) {
    // oxlint-disable-next-line no-await-in-loop
    const { code, stdout, stderr } = await dp(args, {}, alone);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("must set PRESENCE_WEBHOOK_URL and PRESENCE_WEBHOOK_SECRET");
  }
});
