/** A client that stops reading, over TCP: what the room sends it stays in the runtime, so it is cut. The clock is the real one. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { UNREAD_LENGTH_MAX } from "../../../src/core/limits.ts";
import { joinAs, tokenFor } from "../../support/client.ts";
import type { Frame } from "../../support/listener.ts";
import { RawConnection } from "../../support/raw-connection.ts";
import { Runtime } from "../../support/runtime.ts";

/** Half of it is how long a client may be silent here. */
const MAX_AGE_SECONDS = 8;

let server: Runtime;
beforeAll(async () => {
  server = await Runtime.start({ PRESENCE_MAX_AGE: String(MAX_AGE_SECONDS), PRESENCE_GRACE: "0" });
});
afterAll(() => server.stop());

async function say(payload: string): Promise<void> {
  const token = await tokenFor("server", { can: ["admin"] });
  const response = await fetch(`${server.url}/rooms/lobby/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ payload }),
  });
  expect(response.status).toBe(202);
}

/** Joins in view `diff`, and reads nothing from then on. */
async function joinDeaf(): Promise<RawConnection> {
  const connection = await RawConnection.open(server.port);
  const lines = [
    `GET /rooms/lobby/ws?view=diff&token=${await tokenFor("deaf")} HTTP/1.1`,
    `Host: ${server.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ];
  connection.write(lines.join("\r\n"));
  expect(await connection.answer()).toBe("101");
  connection.pause();
  return connection;
}

function isDiff(frame: Frame): boolean {
  return frame !== "heartbeat" && frame.type === "diff";
}

test("a client that stops reading is lost long before it would expire, and is sent no more", async () => {
  const { client: bystander } = await joinAs(server, "bystander", "lobby");
  bystander.beatEvery(1_000);
  const deaf = await joinDeaf();
  const { joins } = await bystander.nextOf("diff");
  expect(joins).toMatchObject([{ user: { id: "deaf" } }]);
  const payload = "x".repeat(60_000);
  let sent = 0;
  const diffs = () => bystander.frames.unread().filter(isDiff);
  for (; diffs().length === 0; sent += payload.length) {
    // One after the other, at the pace of the service.
    // oxlint-disable-next-line no-await-in-loop
    await say(payload);
  }
  expect(diffs()).toMatchObject([{ leaves: [{ reason: "lost" }] }]);
  expect(sent).toBeGreaterThan(UNREAD_LENGTH_MAX);
  await say("behind it");
  deaf.resume();
  const frames: string[] = [];
  while (!frames.at(-1)?.startsWith("close")) {
    // oxlint-disable-next-line no-await-in-loop
    frames.push(await deaf.frame());
  }
  expect(frames.at(-1)).toBe("close 4108");
  expect(frames.at(-2)).toMatch(/"code":"expired".*more than 4,194,304 characters to read/);
  expect(frames.join("")).not.toContain("behind it");
  deaf.destroy();
  expect(bystander.closes.all).toEqual([]);
  bystander.ws.close();
}, 60_000);
