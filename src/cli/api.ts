/**
 * The HTTP API as the commands call it. A failed call throws a CommandError that says what happened
 * and what to do.
 */

import * as v from "valibot";
import { NAME_BYTES_MAX } from "../core/limits.ts";
import { isChannelName, isRoomName } from "../core/names.ts";
import { CommandError, UsageError } from "./command-error.ts";
import { ErrorAnswer } from "./shapes.ts";
import type { Target } from "./target.ts";
import { printable } from "./text.ts";

/** How long an answer may take: a visit of many rooms takes some seconds. */
const ANSWER_MS_MAX = 60_000;

type Method = "GET" | "PUT" | "POST" | "DELETE";
type Query = Readonly<Record<string, string | undefined>>;

/** What a call answered. Its status tells what is new from what was there. */
type Answer<Body> = { readonly status: number; readonly body: Body };

export class Api {
  readonly #target: Target;
  readonly #signal: AbortSignal | undefined;

  /** With a `signal`, calls fail as soon as it is aborted. */
  constructor(target: Target, signal?: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  async get<Schema extends v.GenericSchema>(
    schema: Schema,
    path: string,
    query: Query = {},
  ): Promise<v.InferOutput<Schema>> {
    return (await this.#call(schema, "GET", path + searchOf(query))).body;
  }

  async post<Schema extends v.GenericSchema>(
    schema: Schema,
    path: string,
    body?: object,
  ): Promise<v.InferOutput<Schema>> {
    return (await this.#call(schema, "POST", path, body)).body;
  }

  put<Schema extends v.GenericSchema>(
    schema: Schema,
    path: string,
    body: object,
  ): Promise<Answer<v.InferOutput<Schema>>> {
    return this.#call(schema, "PUT", path, body);
  }

  async delete<Schema extends v.GenericSchema>(
    schema: Schema,
    path: string,
  ): Promise<v.InferOutput<Schema>> {
    return (await this.#call(schema, "DELETE", path)).body;
  }

  async #call<Schema extends v.GenericSchema>(
    schema: Schema,
    method: Method,
    path: string,
    body?: object,
  ): Promise<Answer<v.InferOutput<Schema>>> {
    const response = await this.#fetch(method, path, body);
    const answer = parse(response.text);
    if (!response.ok) throw this.#refusal(response, answer);
    // Only looked at, not copied: what --json prints is what the server sent.
    if (v.is(schema, answer)) return { status: response.status, body: answer };
    throw new CommandError(
      `${this.#target.url} answered something else than a durable-presence service does; is the address right?`,
    );
  }

  async #fetch(method: Method, path: string, body: object | undefined): Promise<Reply> {
    const headers = { authorization: `Bearer ${await this.#target.token()}` };
    const json = { "content-type": "application/json" };
    try {
      const response = await fetch(this.#target.url + path, {
        method,
        // A redirection would turn a POST into a GET, and take the token to another place.
        redirect: "manual",
        signal: AbortSignal.any([
          AbortSignal.timeout(ANSWER_MS_MAX),
          ...(this.#signal ? [this.#signal] : []),
        ]),
        ...(body === undefined
          ? { headers }
          : { headers: { ...headers, ...json }, body: JSON.stringify(body) }),
      });
      const { ok, status } = response;
      return {
        ok,
        status,
        location: response.headers.get("location"),
        text: await response.text(),
      };
    } catch (error) {
      throw new CommandError(this.#unreachable(error));
    }
  }

  #refusal({ status, location }: Reply, answer: unknown): CommandError {
    const { url, tokenHint } = this.#target;
    if (location !== null) {
      return new CommandError(`${url} sends us on to ${printable(location)}; use that as --url`);
    }
    if (!v.is(ErrorAnswer, answer)) {
      return new CommandError(
        `${url} answered ${status}, and not as a durable-presence service does; is the address right?`,
        status,
      );
    }
    const message = `the server refused: ${printable(answer.error.message)} (${status} ${printable(answer.error.code)})`;
    const isAboutToken = status === 401 || status === 403;
    return new CommandError(isAboutToken ? `${message}\n${tokenHint}` : message, status);
  }

  #unreachable(error: unknown): string {
    const { url, isLocal } = this.#target;
    if (error instanceof Error && error.name === "TimeoutError") {
      return `${url} gave no answer within ${ANSWER_MS_MAX / 1_000} seconds`;
    }
    const start = isLocal ? " Start it with: npm start." : "";
    return `cannot reach ${url}${causeOf(error)}: is it running?${start} Another address goes into --url or PRESENCE_URL.`;
  }
}

type Reply = {
  readonly ok: boolean;
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
};

/** The path of a room. Throws a UsageError where there is none. */
export function roomPath(room: string): string {
  return `/rooms/${segmentOf("room", room, isRoomName)}`;
}

/** The path of a channel, wherever it is. */
export function channelPath(channel: string): string {
  return `/channels/${channelSegment(channel)}`;
}

/** The path of a channel in a room. */
export function presencePath(room: string, channel: string): string {
  return `${roomPath(room)}/presences/${channelSegment(channel)}`;
}

function channelSegment(channel: string): string {
  return segmentOf("channel", channel, isChannelName);
}

function segmentOf(what: string, name: string, isName: (name: string) => boolean): string {
  if (!isName(name)) {
    throw new UsageError(
      `"${printable(name)}" cannot name a ${what}: a name is 1 to ${NAME_BYTES_MAX} bytes of UTF-8 without control characters`,
    );
  }
  if (name === "." || name === "..") {
    throw new UsageError(`a ${what} named "${name}" cannot be reached: no URL can spell it`);
  }
  return encodeURIComponent(name);
}

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, value);
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}

/** `undefined` for a body that is missing or not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The system's code of a failed connection, such as ECONNREFUSED: `fetch` hides it in a cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return "";
  return typeof cause.code === "string" ? ` (${cause.code})` : "";
}
