/** Calls of the HTTP API, as a server makes them: through the whole Worker, with a token of an administrator. */

import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import * as v from "valibot";
import { expect } from "vitest";
import { app } from "../../src/http/app.ts";
import { ANY_SEGMENT, type Operation } from "../../src/http/operations.ts";
import { LOBBY_NAMES } from "../../src/rpc/lobbies.ts";
import { tokenFor } from "./socket.ts";
import { type Channel, type Lobby, type Watched, watched } from "./worker.ts";

export const ORIGIN = "https://presence.test";

export type CallOptions = {
  /** What the token says; `null` for no token at all. */
  claims?: Record<string, unknown> | null;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: BodyInit;
  /** Bindings and variables other than those of the tests; then the app is called directly. */
  variables?: object;
};

/** What came back; `body` is `null` where there is none. */
export type Answer = { status: number; body: unknown; headers: Headers };

export async function call(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const { claims = {}, headers = {}, body, raw, variables } = options;
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const init = { method, headers: { ...(await bearer(claims)), ...type, ...headers } };
  const content = raw ?? (body === undefined ? null : JSON.stringify(body));
  const response = await send(new Request(ORIGIN + path, { ...init, body: content }), variables);
  const text = await response.text();
  const { status } = response;
  return { status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

async function bearer(claims: Record<string, unknown> | null): Promise<Record<string, string>> {
  if (claims === null) return {};
  return { authorization: `Bearer ${await tokenFor("server", { can: ["admin"], ...claims })}` };
}

async function send(request: Request, variables: object | undefined): Promise<Response> {
  if (!variables) return exports.default.fetch(request);
  // Typed loosely: comparing the platform's type of a stub with ours does not come to an end.
  const bindings: object = { ...env, ...variables };
  return app.fetch(request, bindings);
}

/** The path of a room, percent-encoded. */
export function roomPath(room: string): string {
  return `/rooms/${encodeURIComponent(room)}`;
}

/** The path of a channel in a room, percent-encoded. */
export function presencePath(room: string, channel: string): string {
  return `${roomPath(room)}/presences/${encodeURIComponent(channel)}`;
}

/** The path of a channel, percent-encoded. */
export function channelPath(channel: string): string {
  return `/channels/${encodeURIComponent(channel)}`;
}

/** The path of an operation, for this room and this channel, which stand in it as they are. */
export function pathOf({ path }: Pick<Operation, "path">, room: string, channel: string): string {
  return path
    .replaceAll(ANY_SEGMENT, "")
    .replace(":name", () => room)
    .replace(":channel", () => channel);
}

const Failure = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

/** Fails where an answer is not an error as the contract has it: JSON, a code, words, and nothing of the inside. */
export function errorOf({ status, body, headers }: Answer) {
  expect(headers.get("content-type")).toMatch(/^application\/json/);
  const { error } = v.parse(Failure, body);
  expect(body).toEqual({ error });
  expect(error.message).not.toMatch(/Error\b|\n|\.[tj]s\b|undefined|\[object/);
  return { status, ...error };
}

/** Puts all lobbies to sleep: one that is asked for anything is then constructed again. */
export async function evictLobbies(): Promise<void> {
  await Promise.all(LOBBY_NAMES.map((lobby) => evictStub(env.PRESENCE_LOBBY.getByName(lobby))));
}

/** The same with the home of a channel without a socket. */
export function evictChannel(channel: string): Promise<void> {
  return evictStub(env.PRESENCE_CHANNEL.getByName(channel));
}

async function evictStub(stub: DurableObjectStub<Channel | Lobby>): Promise<void> {
  try {
    await evictDurableObject(stub);
  } catch (error) {
    if (!String(error).includes("not currently running")) throw error;
  }
}

/** What these objects and all the lobbies did so far. The same twice: no call has reached any of them. */
export function workOf(...names: string[]): Record<string, Watched> {
  return Object.fromEntries(
    [...LOBBY_NAMES, ...names].map((name) => [name, { ...watched(name) }] as const),
  );
}
