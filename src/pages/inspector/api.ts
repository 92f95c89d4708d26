/** The HTTP API, called with the operator's token. Whatever fails throws an ApiError. */

import * as v from "valibot";

/** Where the service is: this page is at its root, wherever that is mounted. */
export const SERVICE = new URL("./", location.href).href;

/** What went wrong, in words for a person. `status` is 0 where no answer came. */
export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const Refusal = v.object({ error: v.object({ message: v.string() }) });

type Method = "GET" | "PUT" | "POST" | "DELETE";

export class Api {
  readonly token: string;
  /** How far the server's clock is ahead of this machine's: "seen 3 s ago" is by the server's. */
  #aheadMs = 0;

  constructor(token: string) {
    this.token = token;
  }

  /** The server's time, in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  async call<Schema extends v.GenericSchema>(
    schema: Schema,
    method: Method,
    path: string,
    body?: unknown,
  ): Promise<v.InferOutput<Schema>> {
    const response = await this.#fetch(method, path, body);
    const answer: unknown =
      response.status === 204 ? null : await response.json().catch(() => null);
    if (!response.ok) throw new ApiError(wordsOf(answer, response.status), response.status);
    const result = v.safeParse(schema, answer);
    if (result.success) return result.output;
    throw new ApiError("the server's answer could not be read", response.status);
  }

  async #fetch(method: Method, path: string, body: unknown): Promise<Response> {
    const authorization = `Bearer ${this.token}`;
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { "content-type": "application/json" };
    try {
      const headers = { authorization, ...type };
      const response = await fetch(new URL(path, SERVICE), { method, headers, ...json });
      this.#readClock(response);
      return response;
    } catch {
      // Also thrown where the token has characters that no header may have.
      throw new ApiError("the server cannot be reached, or this is no token", 0);
    }
  }

  /**
   * The header has whole seconds and was sent a moment ago: smaller differences than 2 s mean
   * nothing.
   */
  #readClock({ headers }: Response): void {
    const date = Date.parse(headers.get("date") ?? "");
    const ahead = Number.isNaN(date) ? 0 : date + 500 - Date.now();
    this.#aheadMs = Math.abs(ahead) < 2_000 ? 0 : ahead;
  }
}

/** The path of a room, or of something in it. */
export function roomPath(room: string, ...rest: string[]): string {
  return ["rooms", room, ...rest].map((part) => encodeURIComponent(part)).join("/");
}

function wordsOf(answer: unknown, status: number): string {
  const refusal = v.safeParse(Refusal, answer);
  return refusal.success ? refusal.output.error.message : `the server answered ${status}`;
}
