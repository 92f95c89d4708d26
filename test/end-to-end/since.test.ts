/**
 * A thousand clients whose server is killed and started again, and who say what they knew: each is told what it
 * missed, and not who is there. The first of them was told of all the others; these come in as cheaply as can
 * be, in view `count`, and name its revision.
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
import { Runtime } from "../support/runtime.ts";

const CLIENTS = 1_000;
const GONE = 50;
/** A crowd that comes in like this is told of a few at a time, however slow the machine. */
const AT_ONCE = 64;
/** So long that all come back within it on a busy machine. */
const GRACE_SECONDS = 600;
const FRAME_BYTES_MAX = 1_024;

let server: Runtime;
beforeAll(async () => {
  server = await Runtime.start({ PRESENCE_GRACE: String(GRACE_SECONDS), PRESENCE_MAX_AGE: "3600" });
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

/** Comes in under a name. */
async function comeIn(id: string, room: string): Promise<WelcomeFrame> {
  const client = await openAs(server, id, room, { query: { view: "count", welcome: "1" } });
  return client.nextOf("welcome");
}

/** The revision that tells of somebody's coming. */
async function revOf(newcomer: Joined, { client }: Joined): Promise<string> {
  const frame = await client.frames.until(
    (one) =>
      one !== "heartbeat" &&
      one.type === "diff" &&
      one.joins.some(({ channel }) => channel === newcomer.welcome.channel),
  );
  return frame !== "heartbeat" && "rev" in frame ? (frame.rev ?? "") : "";
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
    const first = await joinAs(server, "first", room);
    const ids = Array.from({ length: CLIENTS - 2 }, (_, index) => `user-${index}`);
    const welcomes = await pMap(ids, (id) => comeIn(id, room), { concurrency: AT_ONCE });
    const last = await joinAs(server, "last", room);
    expect(last.sync.presences).toHaveLength(CLIENTS);
    const rev = await revOf(last, first);
    const snapshotBytes = bytesOf(last.sync);

    await server.restart();
    const staying = [...welcomes.slice(GONE), first.welcome, last.welcome];
    const back = await pMap(staying, (welcome) => comeBack(welcome, room, rev), {
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

    const gone = welcomes.slice(0, GONE).map(({ channel = "" }) => channel);
    await pMap(gone, (channel) => remove(room, channel), { concurrency: 4 });
    const late = await comeBack(back[1]?.welcome ?? last.welcome, room, rev);
    const leaves = late.missed.leaves.toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
    expect(leaves).toEqual(gone.toSorted().map((channel) => ({ channel, reason: "removed" })));
    expect(late.missed).toMatchObject({ joins: [], updates: [] });
    for (const { client } of back) client.ws.terminate();
  },
);
