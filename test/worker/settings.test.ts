/** Settings: defaults, ranges at and past both ends, and errors that tell the operator what to do. */

import { describe, expect, test } from "vitest";
import type { Variables } from "../../src/config/env.ts";
import { readSettings } from "../../src/config/settings.ts";

const RANGES = [
  ["PRESENCE_MAX_AGE", "maxAgeMs", 1, 86_400, 1_000],
  ["PRESENCE_GRACE", "graceMs", 0, 3_600, 1_000],
  ["PRESENCE_ANNOUNCE_MAX", "announceMax", 0, 32_768, 1],
  ["PRESENCE_ANNOUNCE_RATE", "announceRate", 1, 1_000_000, 1],
  ["PRESENCE_ROOM_MAX", "roomMax", 1, 32_768, 1],
  ["PRESENCE_USER_MAX", "userMax", 1, 32_768, 1],
  ["PRESENCE_FRAME_MAX", "frameMax", 64, 1_048_576, 1],
  ["PRESENCE_STATE_MAX", "stateMax", 2, 4_096, 1],
  ["PRESENCE_FRAME_RATE", "frameRate", 1, 10_000, 1],
  ["PRESENCE_HISTORY", "historyMs", 0, 2_592_000, 1_000],
  ["PRESENCE_HISTORY_MAX", "historyMax", 100, 1_000_000, 1],
] as const;

/** What reading the settings says is wrong with them. */
function complaint(variables: Variables): string {
  try {
    readSettings(variables);
  } catch (error) {
    return String(error);
  }
  return "nothing";
}

test("nothing set is the defaults of the contract", () => {
  expect(readSettings({})).toEqual({
    maxAgeMs: 60_000,
    graceMs: 10_000,
    announceMax: 1_000,
    announceRate: 10_000,
    roomMax: 10_000,
    userMax: 20,
    frameMax: 16_384,
    stateMax: 2_048,
    frameRate: 20,
    historyMs: 120_000,
    historyMax: 10_000,
    origins: null,
    anonymous: "join",
    secret: null,
    previousSecret: null,
    provider: null,
    webhook: null,
    webhookEvents: ["room.*", "member.*"],
    webhookRooms: ["*"],
  });
});

test("settings are read once", () => {
  const variables = { PRESENCE_MAX_AGE: "90" };
  expect(readSettings(variables)).toBe(readSettings(variables));
});

describe.each(RANGES)("%s", (name, field, min, max, factor) => {
  test.each([min, max])("may be %i, as text and as a number", (value) => {
    expect(readSettings({ [name]: value })[field]).toBe(value * factor);
    expect(readSettings({ [name]: ` ${value} ` })[field]).toBe(value * factor);
  });

  test.each([
    String(min - 1),
    String(max + 1),
    "-1",
    "abc",
    "10s",
    "1,000",
    "NaN",
    "Infinity",
    "1 2",
  ])("may not be %s, and the error names the variable, the value and the range", (value) => {
    const message = complaint({ [name]: value });
    expect(message).toContain(name);
    expect(message).toContain(`"${value}"`);
    expect(message).toContain(min.toLocaleString("en-US"));
    expect(message).toContain(max.toLocaleString("en-US"));
  });

  test("is its default where it is empty", () => {
    expect(readSettings({ [name]: "" })).toEqual(readSettings({}));
    expect(readSettings({ [name]: "  " })).toEqual(readSettings({}));
  });
});

test("seconds may have fractions, counts may not", () => {
  expect(readSettings({ PRESENCE_MAX_AGE: "1.5", PRESENCE_GRACE: 0.25 })).toMatchObject({
    maxAgeMs: 1_500,
    graceMs: 250,
  });
  expect(complaint({ PRESENCE_ROOM_MAX: "1.5" })).toContain("PRESENCE_ROOM_MAX");
});

describe("PRESENCE_JWKS_URL", () => {
  test.each([
    "https://id.example/keys",
    "https://id.example:8443/a/b.json?c=d",
    "http://localhost:8080/keys",
    "http://127.0.0.1/keys",
    "http://[::1]:8080/keys",
  ])("may be %s", (url) => {
    expect(readSettings({ PRESENCE_JWKS_URL: ` ${url} ` }).provider).toEqual({
      jwksUrl: url,
      issuer: null,
      audience: null,
    });
  });

  test.each([
    "http://id.example/keys",
    "http://localhost.example/keys",
    "ftp://id.example/keys",
    "id.example/keys",
    "javascript:alert(1)",
  ])("may not be %s, and the error names the variable and the value", (url) => {
    const message = complaint({ PRESENCE_JWKS_URL: url });
    expect(message).toContain(`PRESENCE_JWKS_URL is "${url}"`);
    expect(message).toContain("https://");
  });

  test.each(["https://user:pass-word@id.example/keys", "https://to-ken@id.example/keys"])(
    "may not have a user, as %s, and the error does not tell it",
    (url) => {
      const message = complaint({ PRESENCE_JWKS_URL: url });
      expect(message).toContain("PRESENCE_JWKS_URL names a user");
      expect(message).not.toMatch(/pass-word|to-ken/);
    },
  );

  test("goes with what its tokens must say", () => {
    const variables = {
      PRESENCE_JWKS_URL: "https://id.example/keys",
      PRESENCE_ISSUER: "https://id.example",
      PRESENCE_AUDIENCE: "presence",
    };
    expect(readSettings(variables).provider).toEqual({
      jwksUrl: "https://id.example/keys",
      issuer: "https://id.example",
      audience: "presence",
    });
  });

  test.each(["PRESENCE_ISSUER", "PRESENCE_AUDIENCE"])(
    "must be there where %s is, for it would be ignored",
    (name) => {
      const message = complaint({ [name]: "https://id.example" });
      expect(message).toContain(`${name} is set without PRESENCE_JWKS_URL`);
      expect(complaint({ [name]: "" })).toBe("nothing");
    },
  );
});

describe("PRESENCE_ORIGINS", () => {
  test("may be empty, which is any origin", () => {
    expect(readSettings({ PRESENCE_ORIGINS: " " }).origins).toBeNull();
  });

  test.each([
    ["*", null],
    ["https://a.example", ["https://a.example"]],
    [" https://a.example ,http://localhost:5173", ["https://a.example", "http://localhost:5173"]],
    ["https://a.example,*", null],
  ])("%j is read", (text, origins) => {
    expect(readSettings({ PRESENCE_ORIGINS: text }).origins).toEqual(origins);
  });

  test.each([
    "a.example",
    "https://a.example/",
    "https://a.example/path",
    "https://A.example",
    "https://*.example",
  ])("may not be %s, which no browser would send", (text) => {
    const message = complaint({ PRESENCE_ORIGINS: text });
    expect(message).toContain("PRESENCE_ORIGINS");
    expect(message).toContain(`"${text}"`);
  });
});

describe("PRESENCE_ANONYMOUS", () => {
  test.each(["join", "watch", "deny"] as const)("may be %s", (policy) => {
    expect(readSettings({ PRESENCE_ANONYMOUS: policy }).anonymous).toBe(policy);
  });

  test.each(["Join", "yes", "toString"])("may not be %s", (policy) => {
    expect(complaint({ PRESENCE_ANONYMOUS: policy })).toMatch(
      new RegExp(`PRESENCE_ANONYMOUS is "${policy}".*join.*watch.*deny`),
    );
  });
});

describe("PRESENCE_SECRET", () => {
  test.each(["x".repeat(32), "é".repeat(16)])("may have 32 bytes: %s", (text) => {
    expect(readSettings({ PRESENCE_SECRET: text }).secret).toHaveLength(32);
  });

  test("may not have 31 bytes, and the error does not tell it", () => {
    const message = complaint({ PRESENCE_SECRET: "x".repeat(31) });
    expect(message).toContain("PRESENCE_SECRET is 31 bytes; it must be 32 or more");
    expect(message).not.toContain("xxx");
  });
});

describe("PRESENCE_SECRET_PREVIOUS", () => {
  const PRESENCE_SECRET = "x".repeat(32);

  test("is the key before that one", () => {
    const previous = "y".repeat(32);
    const settings = readSettings({ PRESENCE_SECRET, PRESENCE_SECRET_PREVIOUS: previous });
    expect(settings.previousSecret).toEqual(new TextEncoder().encode(previous));
    expect(settings.secret).toEqual(new TextEncoder().encode(PRESENCE_SECRET));
  });

  test("may not have 31 bytes, and the error does not tell it", () => {
    const message = complaint({ PRESENCE_SECRET, PRESENCE_SECRET_PREVIOUS: "y".repeat(31) });
    expect(message).toContain("PRESENCE_SECRET_PREVIOUS is 31 bytes; it must be 32 or more");
    expect(message).not.toContain("yyy");
  });

  test("may not be there alone", () => {
    expect(complaint({ PRESENCE_SECRET_PREVIOUS: "y".repeat(32) })).toContain(
      "PRESENCE_SECRET_PREVIOUS is set without PRESENCE_SECRET",
    );
  });
});

/** A secret of webhooks. */
function key(bytes: number, fill = 7): string {
  return `whsec_${btoa(String.fromCharCode(...new Uint8Array(bytes).fill(fill)))}`;
}

describe("webhooks", () => {
  const URL_OF_HOOK = "https://example.com/hooks/a-private-path?key=private";
  const withSecret = (secret: string): Variables => ({
    PRESENCE_WEBHOOK_URL: URL_OF_HOOK,
    PRESENCE_WEBHOOK_SECRET: secret,
  });

  test.each([24, 32, 64])("may be signed with %i bytes", (bytes) => {
    expect(readSettings(withSecret(key(bytes))).webhook).toEqual({
      url: URL_OF_HOOK,
      secrets: [new Uint8Array(bytes).fill(7)],
    });
  });

  test("may be signed with two secrets", () => {
    const secrets = [new Uint8Array(32).fill(1), new Uint8Array(24).fill(2)];
    const text = ` ${key(32, 1)}  ${key(24, 2)} `;
    expect(readSettings(withSecret(text)).webhook).toMatchObject({ secrets });
  });

  test.each([
    key(23),
    key(65),
    key(32).slice("whsec_".length),
    `${key(32)}=`,
    key(32).slice(0, -1),
    "whsec_not/base64!",
    `${key(32, 1)},${key(32, 2)}`,
    `${key(32, 1)} private-text`,
    `${key(32, 1)} ${key(32, 2)} ${key(32, 3)}`,
  ])("may not be signed with %s, and the error does not tell it", (secret) => {
    const message = complaint(withSecret(secret));
    expect(message).toContain("PRESENCE_WEBHOOK_SECRET");
    for (const part of secret.split(" ")) expect(message).not.toContain(part);
    expect(message).not.toContain("private");
  });

  test.each(["http://localhost:8080/hook", "http://127.0.0.1/hook", "http://[::1]:1/hook"])(
    "may go to %s",
    (url) => {
      const variables = { ...withSecret(key(32)), PRESENCE_WEBHOOK_URL: ` ${url} ` };
      expect(readSettings(variables).webhook?.url).toBe(url);
    },
  );

  test.each([
    "http://private.example/hook",
    "ftp://private.example/hook",
    "private.example/hook",
    "https://user:private@example.com/hook",
    "https://private@example.com/hook",
  ])("may not go to %s, and the error does not tell it", (url) => {
    const message = complaint({ ...withSecret(key(32)), PRESENCE_WEBHOOK_URL: url });
    expect(message).toContain("PRESENCE_WEBHOOK_URL must be an address such as https://");
    expect(message).not.toContain("private");
  });

  test("need both an address and a secret", () => {
    expect(complaint({ PRESENCE_WEBHOOK_URL: URL_OF_HOOK })).toMatch(
      /PRESENCE_WEBHOOK_URL is set without PRESENCE_WEBHOOK_SECRET; make one with/,
    );
    expect(complaint({ PRESENCE_WEBHOOK_SECRET: key(32) })).toContain(
      "PRESENCE_WEBHOOK_SECRET is set without PRESENCE_WEBHOOK_URL",
    );
  });

  test("need a log", () => {
    const message = complaint({ ...withSecret(key(32)), PRESENCE_HISTORY: "0" });
    expect(message).toContain("PRESENCE_HISTORY is 0");
    expect(message).not.toContain("private");
    expect(complaint({ ...withSecret(key(32)), PRESENCE_HISTORY: "1" })).toBe("nothing");
  });

  test("may be of some types and some rooms", () => {
    const variables = {
      PRESENCE_WEBHOOK_EVENTS: " presence.*, room.vacated ,",
      PRESENCE_WEBHOOK_ROOMS: "game-*,lobby",
    };
    expect(readSettings(variables)).toMatchObject({
      webhookEvents: ["presence.*", "room.vacated"],
      webhookRooms: ["game-*", "lobby"],
    });
    expect(readSettings({ PRESENCE_WEBHOOK_EVENTS: "*" }).webhookEvents).toEqual(["*"]);
  });

  test.each(["rooms.*", "member.join", "Member.*", "*.joined"])("may not be of %s", (type) => {
    const message = complaint({ PRESENCE_WEBHOOK_EVENTS: `room.*,${type}` });
    expect(message).toContain(`PRESENCE_WEBHOOK_EVENTS has "${type}"`);
    expect(message).toContain("room.occupied");
  });
});
