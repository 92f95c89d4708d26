import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { newRoom, openAs } from "../support/socket.ts";
import { watched } from "../support/worker.ts";

test("two users see each other come and go", async () => {
  const room = newRoom();
  const ada = await openAs("ada", room);
  expect(await ada.next()).toEqual({
    type: "presence",
    payload: { channel_name: room, members: [{ id: "ada" }], lurkers: 0 },
  });
  const bob = await openAs("bob", room);
  expect(await bob.next()).toMatchObject({ payload: { members: [{ id: "ada" }, { id: "bob" }] } });
  expect(await ada.next()).toMatchObject({ payload: { members: [{ id: "ada" }, { id: "bob" }] } });
  await evictDurableObject(env.PRESENCE_ROOM.getByName(room));
  bob.ws.close();
  expect(await ada.next()).toMatchObject({ payload: { members: [{ id: "ada" }] } });
  expect(watched(room)).toEqual({ constructed: 2, rows: 4, alarms: 1 });
  expect(await runDurableObjectAlarm(env.PRESENCE_ROOM.getByName(room))).toBe(true);
});
