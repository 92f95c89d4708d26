import { test, expect } from "vitest";
import { newRoom, openAs, open } from "../support/socket.ts";
import { evict, crash, storageOf, advance, ring, occupants, socketsLeft, alarmIn } from "../support/room.ts";
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { watched } from "../support/worker.ts";
test("x", async () => {
  const room = newRoom();
  try { await evictDurableObject(env.ROOM.getByName(room)); } catch (e) { console.log("EVICT", String(e)); }
  console.log(await occupants(room), await storageOf(room));
  const ada = await openAs("ada", room, { query: { view: "diff" } });
  console.log(await ada.heard());
  await evict(room);
  try { await evictDurableObject(env.ROOM.getByName(room)); } catch (e) { console.log("EVICT", String(e)); }
  const bob = await openAs("bob", room, { query: { view: "diff" } });
  console.log(JSON.stringify(await ada.heard()));
  bob.cut();
  await socketsLeft(room, 1);
  console.log(await alarmIn(room));
  advance(10);
  console.log(await ring(room), JSON.stringify(await ada.heard()));
  await crash(room);
  console.log(await ada.closes.next());
  console.log(watched(room), await occupants(room));
});
