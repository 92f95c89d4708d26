/** A receiver of webhooks as a server of its own: verifies with the public library, notes what comes, and answers as a test wants. */

import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import * as v from "valibot";
import type { RoomEvent } from "../../src/core/room-events.ts";
import { WebhookBody } from "../../src/core/webhook-body.ts";
import { Inbox } from "./inbox.ts";

/** A secret of webhooks, of 32 bytes. */
export function webhookSecret(fill: number): string {
  return `whsec_${Buffer.alloc(32, fill).toString("base64")}`;
}

/** One call, verified. */
export type Call = {
  readonly id: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: WebhookBody;
};

/** Answers a call. `undefined` or nothing said: it hangs. */
export type Answer = (response: ServerResponse, call: Call) => void;

export const ok: Answer = (response) => response.writeHead(204).end();

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, headers).end("no");
}

/** The line is cut when the call was read. */
export const lost: Answer = (response) => response.destroy();

/** No answer, ever. */
export const hang: Answer = () => {};

/** What came of one room, and how it is answered. */
export class Correspondence {
  /** Every call, as it comes. */
  readonly calls = new Inbox<Call>();
  /** The next answers first, then always the last. */
  answers: Answer[] = [ok];

  /** The events, each once, in the order in which they came first. */
  get events(): RoomEvent[] {
    const seen = new Set<string>();
    return this.calls.all
      .flatMap(({ body }) => body.data.events)
      .filter(({ id }) => !seen.has(id) && seen.add(id));
  }

  answer(response: ServerResponse, call: Call): void {
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    this.calls.push(call);
    answer?.(response, call);
  }
}

export class Receiver {
  readonly secret: string;
  /** What is of no room: a test. */
  readonly tests = new Correspondence();
  readonly #rooms = new Map<string, Correspondence>();
  readonly #server: HttpServer;
  #port = 0;

  private constructor(secret: string) {
    this.secret = secret;
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  static async start(secret = webhookSecret(1)): Promise<Receiver> {
    const receiver = new Receiver(secret);
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    const address = receiver.#server.address();
    receiver.#port = typeof address === "object" && address !== null ? address.port : 0;
    return receiver;
  }

  /** With a part that nobody may tell. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/hooks/a-private-path`;
  }

  /** The settings of a service that posts to it. */
  get vars(): Record<string, string> {
    return { PRESENCE_WEBHOOK_URL: this.url, PRESENCE_WEBHOOK_SECRET: this.secret };
  }

  of(room: string): Correspondence {
    const known = this.#rooms.get(room) ?? new Correspondence();
    this.#rooms.set(room, known);
    return known;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await text(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const body = v.parse(WebhookBody, new Webhook(this.secret).verify(sent, headers));
    const call = { id: headers["webhook-id"] ?? "", text: sent, headers, body };
    const [first] = body.data.events;
    (first ? this.of(first.room) : this.tests).answer(response, call);
  }
}
