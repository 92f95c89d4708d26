/** The keys of an identity provider of the tests: makes them, publishes them, signs with them. In workerd and in Node. */

import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";

export const ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;
export type Algorithm = (typeof ALGORITHMS)[number] | "ES384" | "PS256" | "RS512";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

export class KeyRing {
  readonly #pairs = new Map<string, { alg: Algorithm; pair: Pair }>();

  /** A ring with one key of each of these algorithms, which is its name too. */
  static async of(...algorithms: Algorithm[]): Promise<KeyRing> {
    const ring = new KeyRing();
    await Promise.all(algorithms.map((alg) => ring.add(alg, alg)));
    return ring;
  }

  async add(kid: string, alg: Algorithm): Promise<void> {
    this.#pairs.set(kid, { alg, pair: await generateKeyPair(alg, { extractable: true }) });
  }

  remove(kid: string): void {
    this.#pairs.delete(kid);
  }

  /** What the provider publishes. */
  async published(): Promise<{ keys: JWK[] }> {
    const keys = Array.from(this.#pairs, async ([kid, { alg, pair }]) => ({
      ...(await exportJWK(pair.publicKey)),
      kid,
      alg,
      use: "sig",
    }));
    return { keys: await Promise.all(keys) };
  }

  /** The public key as a file would have it, for whoever takes it for a secret. */
  publicText(kid: string): Promise<string> {
    return exportSPKI(this.#pair(kid).pair.publicKey);
  }

  /** A token signed with a key of the ring. `header` may say anything. */
  sign(kid: string, claims: Record<string, unknown>, header: object = {}): Promise<string> {
    const { alg, pair } = this.#pair(kid);
    return new SignJWT(claims)
      .setProtectedHeader({ alg, kid, ...header })
      .sign(pair.privateKey, { crit: { "of-tests": true } });
  }

  #pair(kid: string) {
    const known = this.#pairs.get(kid);
    if (!known) throw new Error(`the ring has no key ${kid}`);
    return known;
  }
}
