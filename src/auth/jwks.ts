/**
 * The public keys of an identity provider, as this isolate knows them. Keys that are known stay good while the
 * provider is down, and nothing that a stranger sends makes it be asked more than once a minute.
 */

import { waitUntil } from "cloudflare:workers";
import { type CryptoKey, createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import * as v from "valibot";
import {
  KEYS_BYTES_MAX,
  KEYS_EVERY_MS,
  KEYS_FIRST_EVERY_MS,
  KEYS_FRESH_MS,
  KEYS_WAIT_MS,
} from "../core/limits.ts";
import { formatCount } from "../core/protocol.ts";
import { logDeed, logError } from "../telemetry/log.ts";

/** Nobody can say whether a token is good: no key could be had yet. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

type Header = Parameters<JWTVerifyGetKey>[0];
type Token = Parameters<JWTVerifyGetKey>[1];

/** By address: settings are read anew wherever an application makes its own bindings, keys are not. */
const providers = new Map<string, ProviderKeys>();

/** The keys at an address of the settings. */
export function providerKeys(url: string): ProviderKeys {
  const known = providers.get(url) ?? new ProviderKeys(url);
  providers.set(url, known);
  return known;
}

class ProviderKeys {
  readonly #url: string;
  #find: ReturnType<typeof createLocalJWKSet> | null = null;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  #attempt: Promise<boolean> | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  /** The key that a token names. Throws an error of jose where there is none, KeysUnavailable where nobody knows. */
  async find(header: Header, token: Token): Promise<CryptoKey> {
    if (Date.now() - this.#fetchedAt >= KEYS_FRESH_MS) await this.#refresh();
    try {
      return await this.#known(header, token);
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (!isUnknown || !(await this.#refresh())) throw error;
      return this.#known(header, token);
    }
  }

  async #known(header: Header, token: Token): Promise<CryptoKey> {
    if (this.#find) return this.#find(header, token);
    throw new KeysUnavailable("the identity provider's keys could not be had yet");
  }

  /** Asks the provider, or waits for who is asking. Whether there are new keys; not where it is too early to ask. */
  async #refresh(): Promise<boolean> {
    const now = Date.now();
    // Who was asking for longer than that has died with the request that it belonged to.
    const isUnderWay = this.#attempt !== null && now - this.#triedAt < KEYS_WAIT_MS;
    if (!isUnderWay) {
      if (now - this.#triedAt < (this.#find ? KEYS_EVERY_MS : KEYS_FIRST_EVERY_MS)) return false;
      this.#triedAt = now;
      this.#attempt = this.#ask();
      // What a request fetches ends with it, and others may wait for these keys.
      waitUntil(this.#attempt);
    }
    return within(KEYS_WAIT_MS, this.#attempt);
  }

  /** Never throws: what failed leaves the known keys as they are. */
  async #ask(): Promise<boolean> {
    try {
      this.#find = createLocalJWKSet(await fetchKeys(this.#url));
      this.#fetchedAt = Date.now();
      logDeed("identity provider told its keys", {});
      return true;
    } catch (error) {
      logError("identity provider did not tell its keys", error);
      return false;
    }
  }
}

/** What `promise` says, or false where that takes too long. */
async function within(ms: number, promise: Promise<boolean> | null): Promise<boolean> {
  const end = new AbortController();
  const late = scheduler.wait(ms, { signal: end.signal }).then(() => false);
  // It is cut short below, which it calls an error.
  late.catch(() => {});
  const said = await Promise.race([promise ?? false, late]);
  end.abort();
  return said;
}

/** An empty set would lock everybody out, and no provider means that. */
const KeySet = v.object({
  keys: v.pipe(v.array(v.looseObject({ kty: v.string() })), v.minLength(1)),
});

async function fetchKeys(url: string): Promise<v.InferOutput<typeof KeySet>> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    // The address is what the operator trusts, not where it may point one day.
    redirect: "manual",
    signal: AbortSignal.timeout(KEYS_WAIT_MS),
  });
  if (response.status === 200) return v.parse(KeySet, JSON.parse(await readText(response)));
  await response.body?.cancel();
  throw new Error(`it answered ${response.status}`);
}

/** The body, as far as it may go. */
async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > KEYS_BYTES_MAX) {
      throw new Error(`its answer is longer than ${formatCount(KEYS_BYTES_MAX)} bytes`);
    }
    chunks.push(chunk);
  }
  return new Blob(chunks).text();
}
