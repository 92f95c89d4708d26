/** An identity provider as a server of its own: publishes its keys over HTTP, counts who asks, and fails as a test wants. */

import { once } from "node:events";
import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import { Inbox } from "./inbox.ts";
import { KeyRing } from "./key-ring.ts";

export const ISSUER = "https://id.example";
export const AUDIENCE = "presence";

/** Claims of a token that is good. */
export const CLAIMS = { sub: "ada", iss: ISSUER, aud: AUDIENCE };

type Answer = (response: ServerResponse) => void;

export class IdentityProvider {
  readonly ring: KeyRing;
  /** Each request for the keys, as it comes. */
  readonly asked = new Inbox<string>();
  /** How it answers instead of telling its keys; `null` for doing so. */
  failure: Answer | null = null;
  readonly #server: HttpServer;
  #port = 0;

  private constructor(ring: KeyRing) {
    this.ring = ring;
    this.#server = createServer((request, response) => {
      this.asked.push(request.url ?? "");
      if (this.failure) this.failure(response);
      else void this.#tell(response);
    });
  }

  static async start(): Promise<IdentityProvider> {
    const provider = new IdentityProvider(await KeyRing.of("RS256", "ES256", "EdDSA"));
    await provider.#listen();
    return provider;
  }

  get keysUrl(): string {
    return `http://127.0.0.1:${this.#port}/keys`;
  }

  /** The settings of a service that believes its tokens. */
  get vars(): Record<string, string> {
    return {
      PRESENCE_JWKS_URL: this.keysUrl,
      PRESENCE_ISSUER: ISSUER,
      PRESENCE_AUDIENCE: AUDIENCE,
    };
  }

  /** Nobody answers there any more. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
  }

  async #tell(response: ServerResponse): Promise<void> {
    const keys = JSON.stringify(await this.ring.published());
    response.setHeader("content-type", "application/json").end(keys);
  }
}
