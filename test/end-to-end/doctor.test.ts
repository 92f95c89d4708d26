/** `doctor`: what it finds in a folder and at a service, and that a safe one is left in peace. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Outcome, run } from "../support/command.ts";
import { Server } from "../support/server.ts";

const RANDOM = "q2mJ9vXr4LkT7cWn0sYb5dHf8gPz1aEu6oRi3tKxVyM=";

/** The configuration of somebody who has thought of everything. */
const SAFE = `
name = "presence"
vars = { PRESENCE_ORIGINS = "https://example.com", PRESENCE_ANONYMOUS = "deny", PRESENCE_MAX_AGE = 90 }

[[ratelimits]]
name = "ADDRESS_LIMITER"
namespace_id = "1"
simple = { limit = 12_000, period = 60 }

[[ratelimits]]
name = "USER_LIMITER"
namespace_id = "2"
simple = { limit = 1_200, period = 60 }

[observability]
enabled = true
redact_query_string = true
`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A folder with these files. */
function folder(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "presence-doctor-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const SECRET = { ".dev.vars": `PRESENCE_SECRET=${RANDOM}\n` };

type Given = { files?: Record<string, string>; env?: Record<string, string>; args?: string[] };

function doctor({
  files = { "wrangler.toml": SAFE, ...SECRET },
  env = {},
  args = [],
}: Given = {}): Promise<Outcome> {
  return run(["doctor", ...args], { cwd: folder(files), env });
}

const Report = v.strictObject({
  unsafe: v.array(v.strictObject({ setting: v.string(), problem: v.string(), remedy: v.string() })),
  checked: v.array(v.string()),
});

/** What it finds: settings and problems, a line each. */
async function findings(given: Given): Promise<string[]> {
  const { code, stdout, stderr } = await doctor({
    ...given,
    args: ["--json", ...(given.args ?? [])],
  });
  expect(stderr).toBe("");
  const { unsafe } = v.parse(Report, JSON.parse(stdout));
  expect(code).toBe(unsafe.length > 0 ? 1 : 0);
  return unsafe.map(({ setting, problem }) => `${setting} ${problem}`);
}

describe("a folder", () => {
  test("where nothing is unsafe is left in peace, with exit code 0", async () => {
    expect(await doctor()).toEqual({
      code: 0,
      stdout: "Nothing unsafe in wrangler.toml, .dev.vars, the environment.\n",
      stderr: "",
    });
  });

  test("may have its secret in the environment", async () => {
    const given = { files: { "wrangler.toml": SAFE }, env: { PRESENCE_SECRET: RANDOM } };
    expect(await findings(given)).toEqual([]);
  });

  test("may have its configuration as JSON with comments", async () => {
    const config = `{
      // A comment, and "quotes" in it.
      "name": "presence", /* another */
      "vars": { "PRESENCE_ORIGINS": "https://example.com", "PRESENCE_ANONYMOUS": "watch", },
      "ratelimits": [{ "name": "ADDRESS_LIMITER" }, { "name": "USER_LIMITER" },],
    }`;
    expect(await findings({ files: { "wrangler.jsonc": config, ...SECRET } })).toEqual([]);
  });

  test("with nothing set is told each unsafe setting with the way out, with exit code 1", async () => {
    const { code, stdout, stderr } = await doctor({ files: { "wrangler.toml": 'name = "p"\n' } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout.replaceAll(/\n +/g, " ")).toMatch(/^PRESENCE_SECRET is not set[\s\S]*openssl/);
    for (const setting of [
      "PRESENCE_SECRET",
      "PRESENCE_ORIGINS",
      "PRESENCE_ANONYMOUS",
      "ADDRESS_LIMITER",
      "USER_LIMITER",
    ]) {
      expect(stdout).toMatch(new RegExp(`^${setting} is [\\s\\S]*?\\n  → \\w`, "m"));
    }
    expect(stdout).toMatch(/\n5 unsafe things in wrangler\.toml, the environment\.\n$/);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  test.each<[string, string, RegExp]>([
    ["any origin", SAFE.replace("https://example.com", "*"), /^PRESENCE_ORIGINS is \*/],
    ["anonymous joins", SAFE.replace('"deny"', '"join"'), /^PRESENCE_ANONYMOUS is join/],
    [
      "a variable of npm start",
      SAFE.replace("{ PRES", '{ PRESENCE_DEV = "true", PRES'),
      /^PRESENCE_DEV /,
    ],
    [
      "a limiter too few",
      SAFE.replace("USER_LIMITER", "OTHER_LIMITER"),
      /^USER_LIMITER is not bound/,
    ],
    [
      "tokens in the log",
      SAFE.replace("redact_query_string = true", ""),
      /^observability\.redact_query_string is off/,
    ],
    [
      "any audience",
      SAFE.replace(
        "{ PRES",
        '{ PRESENCE_JWKS_URL = "https://id.example/keys", PRESENCE_ISSUER = "id", PRES',
      ),
      /^PRESENCE_AUDIENCE is not set/,
    ],
    [
      "a secret in the repository",
      SAFE.replace("{ PRES", `{ PRESENCE_SECRET = "${RANDOM}", PRES`),
      /^PRESENCE_SECRET stands in wrangler\.toml/,
    ],
  ])("with %s is told that, and nothing else", async (_name, config, told) => {
    const given = { files: { "wrangler.toml": config, ...SECRET } };
    expect(await findings(given)).toEqual([expect.stringMatching(told)]);
  });

  test("is not told of a value of .dev.vars that no deploy would take", async () => {
    const files = {
      "wrangler.toml": SAFE,
      ".dev.vars": `PRESENCE_SECRET=${RANDOM}\nPRESENCE_ORIGINS=*\nPRESENCE_URL=http://x\n`,
    };
    expect(await findings({ files })).toEqual([]);
  });

  test("with a guessable secret, and one of a rotation, is told so without them", async () => {
    const vars = `PRESENCE_SECRET=${"x".repeat(40)}\nPRESENCE_SECRET_PREVIOUS=${RANDOM}\n`;
    const outcome = await doctor({ files: { "wrangler.toml": SAFE, ".dev.vars": vars } });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/^PRESENCE_SECRET looks guessable/m);
    expect(outcome.stdout).toMatch(/^PRESENCE_SECRET_PREVIOUS is still set/m);
    expect(JSON.stringify(outcome)).not.toMatch(/xxxx|q2mJ9/);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["no configuration", {}, /^there is no wrangler\.toml here; .*\n$/],
    ["one that cannot be read", { "wrangler.toml": "a = [" }, /^wrangler\.toml cannot be read: /],
    [
      "a setting that would stop the start",
      { "wrangler.toml": SAFE.replace('"deny"', '"perhaps"') },
      /^PRESENCE_ANONYMOUS is "perhaps"; it must be join, watch or deny\n$/,
    ],
    [
      "an audience without keys",
      { "wrangler.toml": SAFE.replace("{ PRES", '{ PRESENCE_AUDIENCE = "presence", PRES') },
      /^PRESENCE_AUDIENCE is set without PRESENCE_JWKS_URL/,
    ],
  ])("with %s is a failure in words", async (_name, files, words) => {
    const { code, stdout, stderr } = await doctor({ files });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(words);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

/** A server that answers as a test says. */
async function standIn(answer: RequestListener): Promise<string> {
  const stand = createServer(answer).listen(0, "127.0.0.1");
  await once(stand, "listening");
  cleanups.push(() => stand.close());
  const address = stand.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `http://127.0.0.1:${address.port}`;
}

const seals = {
  "content-security-policy": "default-src 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** One whose API answers with this status and these headers. */
function serviceWith(status: number, headers: Record<string, string>): RequestListener {
  return ({ url, headers: { authorization } }, response) => {
    expect(authorization).toBeUndefined();
    if (url === "/healthz") response.writeHead(200, headers).end('{"ok":true}');
    else response.writeHead(url === "/rooms" ? status : 404, headers).end("{}");
  };
}

describe("a service", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());

  test("that runs as it should is left in peace", async () => {
    expect(await doctor({ args: ["--url", server.url] })).toEqual({
      code: 0,
      stdout: `Nothing unsafe in wrangler.toml, .dev.vars, the environment, ${server.url}.\n`,
      stderr: "",
    });
  });

  test.each<[string, RequestListener, RegExp]>([
    ["that is open", serviceWith(200, seals), /without a token with 200 instead of 401/],
    ["that takes no tokens", serviceWith(503, seals), /takes no tokens/],
    [
      "without security headers",
      serviceWith(401, {}),
      /answers without content-security-policy, x-content-type-options, referrer-policy/,
    ],
    ["that is something else", (_, response) => response.end("hello"), /not as this service does/],
    [
      "that is elsewhere",
      (_, response) => response.writeHead(301, { location: "https://other.example/" }).end(),
      /sends us on to https:\/\/other\.example\//,
    ],
    [
      "that serves its pages without a policy",
      ({ url }, response) => {
        if (url === "/inspector") {
          response.writeHead(200, { "content-type": "text/html" }).end("<title>durable-presence");
        } else if (url === "/healthz") response.end('{"ok":true}');
        else response.writeHead(401, seals).end();
      },
      /serves its pages without a Content-Security-Policy/,
    ],
  ])("%s is named", async (_name, answer, told) => {
    const url = await standIn(answer);
    expect(await findings({ args: ["--url", url] })).toEqual([expect.stringMatching(told)]);
  });

  test("that is not there is named", async () => {
    const url = await standIn(() => {});
    for (const cleanup of cleanups.splice(0)) cleanup();
    expect(await findings({ args: ["--url", url] })).toEqual([
      `${url} cannot be reached: ECONNREFUSED`,
    ]);
  });

  test("that is not asked by https is named, but on this machine", async () => {
    const found = await findings({ args: ["--url", "http://presence.invalid"] });
    expect(found[0]).toMatch(/^http:\/\/presence\.invalid is not https/);
  });

  test("at no address is wrong usage", async () => {
    const { code, stdout, stderr } = await doctor({ args: ["--url", "presence"] });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^--url is "presence"/);
  });
});
