/** The service that a command calls, and the token for it. This module never prints a token. */

import { CommandError, UsageError } from "./command-error.ts";
import { mint } from "./mint.ts";
import { readSecret } from "./secret.ts";

const DEFAULT_URL = "http://localhost:8787";

/** A token that is made here is used at once; each reconnection gets a new one. */
const TOKEN_TTL = "5m";

/** Hosts for which a token is made with this machine's secret: nobody else listens there. */
const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

export class Target {
  /** Without a slash at its end. The service may be mounted under a path. */
  readonly url: string;
  readonly isLocal: boolean;

  /**
   * Without `url` it is PRESENCE_URL, or this machine. Throws a UsageError where that is not an
   * address.
   */
  constructor(url?: string) {
    const fromEnv = process.env["PRESENCE_URL"] || DEFAULT_URL;
    const parsed = url === undefined ? parse(fromEnv, "PRESENCE_URL") : parse(url, "--url");
    this.url = parsed.origin + parsed.pathname.replace(/\/+$/, "");
    this.isLocal = LOCAL_HOSTS.has(parsed.hostname);
  }

  /** What to check where the token is refused. */
  get tokenHint(): string {
    return ownToken() === undefined
      ? "It was made with the PRESENCE_SECRET of this machine: does the service have the same?"
      : "It is the one in PRESENCE_TOKEN.";
  }

  /** Whether `token()` makes a new token each time. */
  get makesTokens(): boolean {
    return ownToken() === undefined;
  }

  /** The token of the environment; for a service on this machine, one made with its secret. */
  async token(): Promise<string> {
    const own = ownToken();
    if (own !== undefined) return own;
    const secret = this.isLocal ? readSecret() : undefined;
    if (secret !== undefined) {
      return mint({ sub: "durable-presence", can: ["admin"] }, secret, TOKEN_TTL);
    }
    const otherwise = this.isLocal
      ? " (or PRESENCE_SECRET, in the environment or in .dev.vars, to have one made)"
      : "";
    throw new CommandError(
      `there is no token for ${this.url}: set PRESENCE_TOKEN to one that can admin${otherwise}.\nTo make one: durable-presence token --sub me --can admin`,
    );
  }
}

function ownToken(): string | undefined {
  const token = process.env["PRESENCE_TOKEN"]?.trim();
  if (token === undefined || token === "") return undefined;
  // A text that is not a token may be another secret: it is neither sent nor printed.
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token;
  throw new CommandError(
    "PRESENCE_TOKEN is not a token: it must be a JWT, three parts with dots between",
  );
}

function parse(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${name} is "${text}"; it must look like ${DEFAULT_URL}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`${name} must have no user, no query and no fragment, as ${DEFAULT_URL}`);
  }
  return url;
}
