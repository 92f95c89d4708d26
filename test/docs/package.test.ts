/** What `npm install durable-presence` brings, and what not. */

import { readdirSync, writeFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { Installation } from "./installation.ts";

const installed = new Installation(inject("installation"));

describe.concurrent("the package", () => {
  test("is installed with one Hono: the application's", () => {
    const files = readdirSync(installed.path("node_modules"), {
      recursive: true,
      encoding: "utf8",
    });
    expect(files.filter((file) => file.endsWith("hono/package.json"))).toEqual([
      "hono/package.json",
    ]);
  });

  test("brings a page what the client needs, the command's small dependencies, and no Hono", async () => {
    const alone = await installed.installAlone("alone");
    expect(readdirSync(alone.path("node_modules")).filter((name) => !name.startsWith("."))).toEqual(
      [
        "@stablelib",
        "ansi-regex",
        "durable-presence",
        "fast-sha256",
        "get-east-asian-width",
        "jose",
        "jsonc-parser",
        "p-map",
        "smol-toml",
        "standardwebhooks",
        "string-width",
        "strip-ansi",
        "valibot",
      ],
    );
    const { code, output } = await alone.run("", "durable-presence", "--help");
    expect(output).toContain("durable-presence <command>");
    expect(code).toBe(0);
    const script = 'console.log(typeof (await import("durable-presence/client")).joinRoom)';
    writeFileSync(alone.path("client.mjs"), script);
    expect(await alone.runNode("client.mjs")).toEqual({ code: 0, output: "function\n" });
  });

  test("holds the code, its pages and its docs, and no sources or tests", () => {
    const files = readdirSync(installed.path("node_modules/durable-presence"));
    expect(files.toSorted()).toEqual(
      [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "dist",
        "docs",
        "package.json",
      ].toSorted(),
    );
  });

  test("brings its command", async () => {
    const { code, output } = await installed.run("", "durable-presence", "--help");
    expect(output).toContain("durable-presence <command>");
    expect(code).toBe(0);
    // It shares modules with the Worker, which must not need the Workers runtime.
    const { output: found } = await installed.run(
      "presence",
      "durable-presence",
      "doctor",
      "--json",
    );
    expect(JSON.parse(found)).toMatchObject({ unsafe: expect.any(Array) });
    expect(found).not.toContain("LIMITER");
  });
});
