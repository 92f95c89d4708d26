/**
 * A thousand clients whose server is killed and started again, and who say what they knew: each is told what it
 * missed, and not who is there.
 */

import pMap from "p-map";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DiffFrame, WelcomeFrame } from "../../src/core/protocol.ts";
import {
  type Client,
  joinAs,
  type Joined,
  openAs,
  resumption,
  tokenFor,
} from "../support/client.ts";
import { Server } from "../support/server.ts";

const CLIENTS = 1_000;
const GONE = 50;
/** A crowd that comes in like this is told of a few at a time, however slow the machine. */
const AT_ONCE = 64;
/** So long that all come back within it on a busy machine. */
const GRACE_SECONDS = 600;
const FRAME_BYTES_MAX = 1_024;

let server: Server;
beforeAll(async () => {
  server = await Server.start({ PRESENCE_GRACE: String(GRACE_SECONDS), PRESENCE_MAX_AGE: "3600" });
});
afterAll(() => server.stop());

type Back = { readonly client: Client; readonly welcome: WelcomeFrame; readonly missed: DiffFrame };

/** Comes back with what it knew, and is told what it missed. */
async function comeBack(welcome: WelcomeFrame, room: string, since: string): Promise<Back> {
  const query = { view: "diff", since, ...resumption(welcome) };
  const client = await openAs(server, welcome.user?.id ?? "", room, { query });
  const again = await client.nextOf("welcome");
  const missed = await client.next();
  if (missed === "heartbeat" || missed.type !== "diff") throw new Error(JSON.stringify(missed));
  return { client, welcome: again, missed };
}

/** The last revision that a client was told. */
async function lastRev({ client }: Joined): Promise<string> {
  await client.settled();
  const revs = client.frames.all.flatMap((frame) =>
    frame !== "heartbeat" && frame.type === "diff" ? [frame.rev ?? ""] : [],
  );
  return revs.at(-1) ?? "";
}

async function remove(room: string, channel: string): Promise<void> {
  const token = await tokenFor("server", { can: ["admin"] });
  const path = `/rooms/${room}/presences/${encodeURIComponent(channel)}`;
  const headers = { Authorization: `Bearer ${token}` };
  const { status } = await fetch(server.url + path, { method: "DELETE", headers });
  expect(status).toBe(204);
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

test(
  "nobody is told who is there: of those who left, each is told later",
  { timeout: 240_000 },
  async () => {
    const room = "thousand";
    const ids = Array.from({ length: CLIENTS }, (_, index) => `user-${index}`);
    const joined = await pMap(ids, (id) => joinAs(server, id, room), { concurrency: AT_ONCE });
    const last = joined.at(-1);
    if (!last) throw new Error("nobody came");
    const rev = await lastRev(joined[0] ?? last);
    const snapshotBytes = bytesOf(last.sync);

    await server.kill();
    await server.start();
    const staying = joined.slice(GONE);
    const back = await pMap(staying, ({ welcome }) => comeBack(welcome, room, rev), {
      concurrency: AT_ONCE,
    });
    const bytes = back.map(({ missed }) => bytesOf(missed));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    const all = bytes.reduce((sum, one) => sum + one, 0);
    expect(all).toBeLessThanOrEqual((snapshotBytes * back.length) / 100);
    for (const { missed, welcome } of back) {
      expect(missed).toMatchObject({ since: rev, rev, joins: [], updates: [], leaves: [] });
      expect(welcome.rev).toBe(rev);
    }

    const gone = joined.slice(0, GONE).map(({ welcome }) => welcome.channel ?? "");
    await pMap(gone, (channel) => remove(room, channel), { concurrency: 4 });
    const late = await comeBack(back[1]?.welcome ?? last.welcome, room, rev);
    const leaves = late.missed.leaves.toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
    expect(leaves).toEqual(gone.toSorted().map((channel) => ({ channel, reason: "removed" })));
    expect(late.missed).toMatchObject({ joins: [], updates: [] });
    for (const { client } of back) client.ws.terminate();
  },
);
