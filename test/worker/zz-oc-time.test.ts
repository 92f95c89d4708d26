import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { test } from "vitest";
import { bindingsOf } from "../../src/env.ts";
import { rooms } from "../../src/index.ts";
const bindings = bindingsOf(env);
async function timed(name: string, f: () => Promise<unknown>) {
  const start = performance.now();
  await f();
  console.log(name, Math.round(performance.now() - start));
}
test("x", async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `room${i}`);
  await timed("fill", async () => {
    const it = names.values();
    await Promise.all(Array.from({ length: 20 }, async () => { for (const n of it) await bindings.ROOM.getByName(n).add("bot", null, { socket: null, link: 1 }); }));
  });
  await timed("prune-awake", () => rooms(bindings).prunePresences(1e6));
  await timed("evict", () => evictAllDurableObjects());
  await timed("prune-asleep", () => rooms(bindings).prunePresences(0));
  await timed("evict", () => evictAllDurableObjects());
  await timed("wake", async () => {
    const it = names.values();
    await Promise.all(Array.from({ length: 20 }, async () => { for (const n of it) await bindings.ROOM.getByName(n).touch("x"); }));
  });
}, 120000);
