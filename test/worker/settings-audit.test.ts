/** What is allowed and not safe: named at start-up, once, with the way out; nothing else is. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { app } from "../../src/http/app.ts";
import { auditSettings, isGuessable } from "../../src/config/settings-audit.ts";
import type { Variables } from "../../src/config/variables.ts";
import { newRoom, socketUrl, TestSocket } from "../support/socket.ts";

const RANDOM = "q2mJ9vXr4LkT7cWn0sYb5dHf8gPz1aEu6oRi3tKxVyM=";

/** A service whose operator has thought of everything. */
const SAFE: Variables = {
  PRESENCE_SECRET: RANDOM,
  PRESENCE_ORIGINS: "https://example.com",
  PRESENCE_ANONYMOUS: "watch",
};

const PROVIDER: Variables = {
  PRESENCE_JWKS_URL: "https://id.example/keys",
  PRESENCE_ISSUER: "https://id.example",
  PRESENCE_AUDIENCE: "presence",
};

const WEBHOOK: Variables = {
  PRESENCE_WEBHOOK_URL: "https://example.com/private",
  PRESENCE_WEBHOOK_SECRET: `whsec_${RANDOM}`,
};

/** The settings that are named. */
function named(variables: Variables, bindings = ["ADDRESS_LIMITER", "USER_LIMITER"]): string[] {
  return auditSettings(variables, (name) => bindings.includes(name)).map(({ setting }) => setting);
}

describe("nothing is said of", () => {
  test.each<[string, Variables]>([
    ["a service with a secret", SAFE],
    ["a service that lets nobody in without a token", { ...SAFE, PRESENCE_ANONYMOUS: "deny" }],
    ["a service with an identity provider", { ...SAFE, ...PROVIDER }],
    ["a service with an identity provider alone", { ...SAFE, ...PROVIDER, PRESENCE_SECRET: "" }],
    ["a service with webhooks", { ...SAFE, ...WEBHOOK }],
    ["a service with other limits", { ...SAFE, PRESENCE_MAX_AGE: "90", PRESENCE_GRACE: 0 }],
    ["a variable of npm start that is off", { ...SAFE, PRESENCE_DEV: "" }],
  ])("%s", (_name, variables) => {
    expect(named(variables)).toEqual([]);
  });
});

describe("it is said of", () => {
  test.each<[string, Variables, string[]]>([
    ["no secret and no provider", { ...SAFE, PRESENCE_SECRET: "" }, ["PRESENCE_SECRET"]],
    ["any origin", { ...SAFE, PRESENCE_ORIGINS: "*" }, ["PRESENCE_ORIGINS"]],
    ["no origin set", { ...SAFE, PRESENCE_ORIGINS: "" }, ["PRESENCE_ORIGINS"]],
    ["anonymous joins", { ...SAFE, PRESENCE_ANONYMOUS: "join" }, ["PRESENCE_ANONYMOUS"]],
    ["no policy set", { ...SAFE, PRESENCE_ANONYMOUS: "" }, ["PRESENCE_ANONYMOUS"]],
    ["development", { ...SAFE, PRESENCE_DEV: "true" }, ["PRESENCE_DEV"]],
    [
      "a receiver of webhooks on the machine itself",
      { ...SAFE, ...WEBHOOK, PRESENCE_WEBHOOK_URL: "http://localhost:3000/private" },
      ["PRESENCE_WEBHOOK_URL"],
    ],
    [
      "a secret of webhooks that is guessable",
      { ...SAFE, ...WEBHOOK, PRESENCE_WEBHOOK_SECRET: `whsec_${btoa("x".repeat(24))}` },
      ["PRESENCE_WEBHOOK_SECRET"],
    ],
    [
      "two secrets of webhooks",
      {
        ...SAFE,
        ...WEBHOOK,
        PRESENCE_WEBHOOK_SECRET: `whsec_${RANDOM} whsec_${RANDOM.toUpperCase()}`,
      },
      ["PRESENCE_WEBHOOK_SECRET"],
    ],
    ["any issuer", { ...SAFE, ...PROVIDER, PRESENCE_ISSUER: "" }, ["PRESENCE_ISSUER"]],
    ["any audience", { ...SAFE, ...PROVIDER, PRESENCE_AUDIENCE: "" }, ["PRESENCE_AUDIENCE"]],
    [
      "a provider on the machine itself",
      { ...SAFE, ...PROVIDER, PRESENCE_JWKS_URL: "http://localhost:8080/keys" },
      ["PRESENCE_JWKS_URL"],
    ],
    ["a guessable secret", { ...SAFE, PRESENCE_SECRET: "x".repeat(32) }, ["PRESENCE_SECRET"]],
    [
      "a secret that is still set",
      { ...SAFE, PRESENCE_SECRET_PREVIOUS: RANDOM.toLowerCase() },
      ["PRESENCE_SECRET_PREVIOUS"],
    ],
    [
      "a secret that is still set, and guessable",
      { ...SAFE, PRESENCE_SECRET_PREVIOUS: "y".repeat(32) },
      ["PRESENCE_SECRET_PREVIOUS", "PRESENCE_SECRET_PREVIOUS"],
    ],
    ["all defaults", {}, ["PRESENCE_SECRET", "PRESENCE_ORIGINS", "PRESENCE_ANONYMOUS"]],
  ])("%s", (_name, variables, settings) => {
    expect(named(variables)).toEqual(settings);
  });

  test("limiters that are not bound", () => {
    expect(named(SAFE, [])).toEqual(["ADDRESS_LIMITER", "USER_LIMITER"]);
    expect(named(SAFE, ["USER_LIMITER"])).toEqual(["ADDRESS_LIMITER"]);
  });

  test("each with what to do, and no secret", () => {
    const variables = { PRESENCE_SECRET: "x".repeat(32), PRESENCE_SECRET_PREVIOUS: "y".repeat(32) };
    const findings = auditSettings({ ...variables, PRESENCE_DEV: "true" }, () => false);
    expect(findings.length).toBeGreaterThan(6);
    for (const { problem, remedy } of findings) {
      expect(problem).toMatch(/^\w.*\w/);
      expect(remedy).toMatch(/set|add|delete|make/);
    }
    expect(JSON.stringify(findings)).not.toMatch(/x{5}|y{5}/);
  });
});

describe("a secret looks guessable", () => {
  test.each([
    "a".repeat(40),
    "abcabcabcabcabcabcabcabcabcabcabcabc",
    `${RANDOM}${RANDOM}`,
    "0101010111010100010101010101010101",
    "my-super-secret-key-for-production!",
    "PasswordPasswordPasswordPassword",
    "changeme-changeme-please-changeme",
    "12345678901234567890123456789012",
    "the presence service of example.com",
  ])("%s", (secret) => {
    expect(isGuessable(secret)).toBe(true);
  });
});

test("no secret that a machine made looks guessable", () => {
  for (let count = 0; count < 2_000; count += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const hex = bytes.slice(0, 16).toHex();
    for (const secret of [bytes.toBase64(), bytes.toBase64({ alphabet: "base64url" }), hex]) {
      expect([secret, isGuessable(secret)]).toEqual([secret, false]);
    }
  }
});

function bindingsWith(variables: Variables): object {
  return { ...env, ...SAFE, ...variables };
}

async function visit(bindings: object, origin = "https://presence.test"): Promise<void> {
  await app.fetch(new Request(`${origin}/healthz`), bindings);
}

describe("at start-up", () => {
  let lines: string[];
  beforeEach(() => {
    vi.restoreAllMocks();
    lines = [];
    vi.spyOn(console, "warn").mockImplementation((line: string) => lines.push(line));
  });

  /** What was logged of the settings. */
  function told(): { event: string; settings: string[] }[] {
    return lines.filter((line) => line.includes("unsafe settings")).map((line) => JSON.parse(line));
  }

  test("one structured line names what is unsafe, however many requests come", async () => {
    const bindings = bindingsWith({ PRESENCE_ORIGINS: "*", PRESENCE_ANONYMOUS: "join" });
    for (let count = 0; count < 3; count += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await visit(bindings);
      // oxlint-disable-next-line no-await-in-loop
      await visit({ ...bindings });
    }
    expect(told()).toEqual([
      {
        event: "unsafe settings",
        settings: [
          expect.stringMatching(/^PRESENCE_ORIGINS is \*: .*; set it to /),
          expect.stringMatching(/^PRESENCE_ANONYMOUS is join: .*; set it to /),
        ],
      },
    ]);
  });

  test("a socket is a request, too", async () => {
    const request = new Request(socketUrl(newRoom()), { headers: { Upgrade: "websocket" } });
    const response = await app.fetch(request, bindingsWith({ PRESENCE_ANONYMOUS: "join" }));
    if (!response.webSocket) throw new Error("no socket");
    await new TestSocket(response.webSocket, new AbortController()).next();
    expect(told()).toMatchObject([{ settings: [expect.stringContaining("PRESENCE_ANONYMOUS")] }]);
  });

  test("no line is written where nothing is unsafe", async () => {
    await visit(bindingsWith({}));
    expect(lines).toEqual([]);
  });

  test("npm start on a developer's machine is not bothered", async () => {
    const variables = { PRESENCE_DEV: "true", PRESENCE_ORIGINS: "*", PRESENCE_ANONYMOUS: "join" };
    await visit(bindingsWith(variables), "http://localhost:8787");
    await visit(bindingsWith(variables), "http://127.0.0.1:8787");
    expect(lines).toEqual([]);
  });

  test("what is for npm start is named on a deployed Worker", async () => {
    await visit(bindingsWith({ PRESENCE_DEV: "true" }));
    expect(told()).toMatchObject([
      { settings: [expect.stringMatching(/^PRESENCE_DEV .*unset it/)] },
    ]);
  });
});

test("a queue that gets nothing is named", () => {
  const bindings = ["ADDRESS_LIMITER", "USER_LIMITER", "PRESENCE_EVENTS"];
  expect(named(SAFE, bindings)).toEqual([]);
  expect(named({ ...SAFE, ...WEBHOOK }, bindings)).toEqual(["PRESENCE_EVENTS"]);
  expect(named({ ...SAFE, PRESENCE_HISTORY: "0" }, bindings)).toEqual(["PRESENCE_EVENTS"]);
});

test("what is said of webhooks has neither their address nor their secret", () => {
  const variables = {
    ...SAFE,
    PRESENCE_WEBHOOK_URL: "http://localhost:3000/private",
    PRESENCE_WEBHOOK_SECRET: `whsec_${RANDOM} whsec_${btoa("x".repeat(24))}`,
  };
  const text = JSON.stringify(auditSettings(variables, () => true));
  expect(text).not.toContain("private");
  expect(text).not.toContain(RANDOM);
  expect(text).not.toContain(btoa("x".repeat(24)));
});
