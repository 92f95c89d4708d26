import { expect, test } from "vitest";
import { Game } from "../support/application.ts";

test("x", () => {
  expect(String(Game.prototype.webSocketMessage)).toBe("");
});
