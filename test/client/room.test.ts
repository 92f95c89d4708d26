import { afterAll, beforeAll, expect, test } from "vitest";
import { joinRoom } from "../../src/client/index.ts";
import { tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

test("two see each other", async () => {
  const ada = joinRoom({
    url: server.url,
    room: "r",
    token: () => tokenFor("ada"),
    state: { a: 1 },
  });
  const log: unknown[] = [];
  for (const t of ["sync", "join", "leave", "update", "message", "status", "error"] as const)
    ada.on(t, (e) => log.push([t, JSON.stringify(e)]));
  await new Promise<void>((r) => ada.on("sync", () => r()));
  const bob = joinRoom({ url: server.url, room: "r", token: await tokenFor("bob") });
  await new Promise<void>((r) => bob.on("sync", () => r()));
  bob.setState("hi");
  bob.send("yo");
  await new Promise<void>((r) => ada.on("message", () => r()));
  bob.leave();
  await new Promise<void>((r) => ada.on("leave", () => r()));
  console.log(log, ada.view);
  expect(ada.members).toHaveLength(1);
  ada.leave();
});
