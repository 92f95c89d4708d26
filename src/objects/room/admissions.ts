/**
 * How connections come in. A newcomer waits for nobody: it is accepted, and sent its first frames in the same
 * turn of the event loop. What others must know of it is stored and flushed in the next turn. Those that come
 * meanwhile would be told of a presence that is not stored yet, so they are admitted in that next turn, with
 * one transaction and one snapshot: a megabyte's worth of them a turn, as the pump has it.
 */

import type { Connection } from "./attachments.ts";
import type { Changes } from "./changes.ts";
import type { Events } from "./events.ts";
import { welcomeFrame } from "../../core/frames.ts";
import {
  CHANNEL_ID_BYTES,
  PRESENCES_PER_CONNECTION,
  RESUME_SECRET_BYTES,
  SENT_AT_ONCE_LENGTH_MAX,
} from "../../core/limits.ts";
import type { User } from "../../core/presence.ts";
import { formatCount, ProtocolError, type View } from "../../core/protocol.ts";
import { type Connect, decodeConnect, switchTo } from "../../rpc/connection-parameters.ts";
import type { LocalChannels } from "./local-channels.ts";
import type { RoomState } from "./state.ts";
import type { Settings } from "../../config/settings.ts";
import type { Sockets } from "./sockets.ts";

type Resume = NonNullable<Connect["resume"]>;

/** Both ends of a connection, and what its client asked for. */
type Pair = { readonly connect: Connect; readonly client: WebSocket; readonly ws: WebSocket };

/** A connection that is accepted, and has yet to be sent its first frames. */
type Admitted = Pair & {
  readonly channel: string;
  /** The secret that resumes its presence; `null` for a watcher. */
  readonly secret: string | null;
  /** The user that it resumed a presence as, where that shows other info than before. */
  readonly renewed?: User | null;
  /** Whether it resumed a presence. */
  readonly isBack: boolean;
};

/** A connection that waits for its turn. */
type Waiting = { readonly connect: Connect; readonly answer: PromiseWithResolvers<Response> };

export type AdmissionsOptions = {
  readonly room: string;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly state: RoomState;
  readonly changes: Changes;
  readonly localChannels: LocalChannels;
  readonly events: Events;
};

export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #waiting: Waiting[] = [];
  /** Characters of the first frames that a newcomer of each view was sent last. */
  readonly #lengths = new Map<View, number>();
  #isTurnComing = false;

  constructor(options: AdmissionsOptions) {
    this.#options = options;
  }

  /** Opens a socket. Only the edge calls this, with a request of `connectRequest`. */
  open(request: Request): Response | Promise<Response> {
    const connect = decodeConnect(request);
    // Nobody overtakes those who wait.
    if (this.#waiting.length > 0 || this.#options.changes.hasDeferred) {
      const answer = Promise.withResolvers<Response>();
      this.#waiting.push({ connect, answer });
      this.#options.changes.hasNewcomers = true;
      this.#takeTurnSoon();
      return answer.promise;
    }
    const now = Date.now();
    const admitted = this.#admit(connect, now);
    if (admitted instanceof Response) return admitted;
    // Whatever becomes of the greeting: what was deferred must be stored.
    this.#takeTurnSoon();
    try {
      this.#greet(admitted, now);
    } catch (error) {
      this.#abandon([admitted], now);
      throw error;
    }
    return switchTo(admitted.client);
  }

  #takeTurnSoon(): void {
    if (this.#isTurnComing) return;
    this.#isTurnComing = true;
    void this.#takeNextTurn();
  }

  async #takeNextTurn(): Promise<void> {
    // Ends when the runtime has looked at everything that has come by then.
    await scheduler.wait(0);
    this.#isTurnComing = false;
    const { events, changes } = this.#options;
    try {
      events.run(() => {
        try {
          this.#takeTurn(Date.now());
        } catch (error) {
          changes.retry(error);
        }
      });
    } finally {
      if (this.#waiting.length > 0) this.#takeTurnSoon();
    }
  }

  /** Stores whoever came in, admits some of those who wait, and tells the others of all of them. */
  #takeTurn(now: number): void {
    const { changes } = this.#options;
    const admitted = this.#admitSome(now);
    try {
      changes.settle(now);
    } catch (error) {
      for (const [{ answer }] of admitted) answer.reject(error);
      this.#abandon(
        admitted.map(([, one]) => one),
        now,
      );
      throw error;
    }
    const failed: Admitted[] = [];
    for (const [{ answer }, one] of admitted) {
      try {
        this.#greet(one, now);
        answer.resolve(switchTo(one.client));
      } catch (error) {
        answer.reject(error);
        failed.push(one);
      }
    }
    this.#abandon(failed, now);
    changes.flush(now);
  }

  /** Those who have waited longest, as many as one turn may send first frames to. */
  #admitSome(now: number): [Waiting, Admitted][] {
    const admitted: [Waiting, Admitted][] = [];
    for (let length = 0; length < SENT_AT_ONCE_LENGTH_MAX;) {
      const next = this.#waiting.shift();
      if (!next) break;
      const result = this.#admitWaiting(next, now);
      if (!result) continue;
      admitted.push([next, result]);
      // Not known of a view that nobody came with yet: it may be as much as a turn has.
      length += this.#lengths.get(next.connect.view) ?? SENT_AT_ONCE_LENGTH_MAX;
    }
    this.#options.changes.hasNewcomers = this.#waiting.length > 0;
    return admitted;
  }

  /** `undefined` where it got its answer: it was refused, or could not be admitted. */
  #admitWaiting({ connect, answer }: Waiting, now: number): Admitted | undefined {
    try {
      const result = this.#admit(connect, now);
      if (!(result instanceof Response)) return result;
      answer.resolve(result);
    } catch (error) {
      answer.reject(error);
    }
    return undefined;
  }

  /** Accepts a socket, or answers why not. The presence is not stored yet. */
  #admit(connect: Connect, now: number): Admitted | Response {
    const { changes } = this.#options;
    changes.hydrate(now);
    const refusal = this.#fullness(connect, now);
    if (refusal !== null) {
      return Response.json(new ProtocolError("room_full", refusal).toFrame(), { status: 503 });
    }
    const { 0: client, 1: ws } = new WebSocketPair();
    const pair = { connect, client, ws };
    try {
      return connect.isWatching ? this.#watch(pair, now) : this.#join(pair, now);
    } catch (error) {
      this.#abandon([pair], now);
      throw error;
    }
  }

  #watch(pair: Pair, now: number): Admitted {
    const { user, view, canSend } = pair.connect;
    const channel = this.#newChannel();
    const connection = { channel, user, view, canSend, isWatching: true, seenAt: now };
    this.#options.sockets.accept(pair.ws, connection);
    return { ...pair, channel, secret: null, isBack: false };
  }

  /** Joins, or takes a presence up again, which the others do not notice. */
  #join(pair: Pair, now: number): Admitted {
    const { changes, sockets } = this.#options;
    const { user, view, canSend, resume } = pair.connect;
    const set = changes.hydrate(now);
    const isBack = this.#mayResume(resume, user, now);
    const { channel, secret } = isBack ? resume : this.#newPresence();
    const replaced = isBack ? sockets.ofChannel(channel) : [];
    // Of the same user, so it keeps its state and its status.
    const { presence, told } = set.get(channel) ?? {};
    const state = presence?.state;
    const connection: Connection = { channel, user, view, canSend, isWatching: false, seenAt: now };
    const stated = {
      ...(state !== undefined && { state: JSON.stringify(state) }),
      ...(told && { told }),
    };
    // Ahead of everything else, for the platform may refuse: a presence without a socket is a ghost.
    sockets.accept(pair.ws, { ...connection, ...stated });
    for (const old of replaced) {
      const message = "the same channel connected again and took the presence over";
      sockets.refuse(old, new ProtocolError("replaced", message));
    }
    const diff = set.join(channel, user, now, { kind: "local", secret });
    changes.defer(diff, now);
    return { ...pair, channel, secret, isBack, ...(isBack && diff.newInfo && { renewed: user }) };
  }

  #greet({ connect, ws, channel, secret, isBack, renewed }: Admitted, now: number): void {
    const { room, settings, sockets, state, changes, localChannels } = this.#options;
    const { user, view, wantsWelcome, since, resume } = connect;
    const presence = secret === null ? {} : { channel, resume: secret };
    const { rev } = state;
    const isDiff = view === "diff";
    // Only this view can be told what came after a revision.
    const you = { user, ...presence, ...(isDiff && rev !== undefined && { rev }) };
    const welcome = isDiff || wantsWelcome ? welcomeFrame(room, settings, you) : null;
    const former = user && resume ? { channel: resume.channel, user } : null;
    const known = isDiff && since !== null ? { since, former } : null;
    const length = changes.greet(ws, { view, welcome, known }, now);
    // Who is told what it missed says nothing of the next one's snapshot.
    if (known === null) this.#lengths.set(view, length);
    if (!isBack) return;
    sockets.metrics.count("resumes");
    localChannels.resumed(ws, { channel, view, renewed });
  }

  /** Nobody gets the other ends of these sockets: the presences behind them are lost, where they are there. */
  #abandon(pairs: readonly Pair[], now: number): void {
    const { sockets, changes } = this.#options;
    const channels = pairs.map(({ ws, client }) => {
      const channel = sockets.abandon(ws);
      // Takes the close frame: an end that nobody holds would keep the room in memory for good.
      client.accept();
      return channel;
    });
    for (const channel of channels) {
      if (channel === null) continue;
      changes.apply(changes.hydrate(now).lose(channel, "cut", now), now);
    }
  }

  /** Only the same user with the right secret. The secret is 128 random bits: comparing leaks nothing usable. */
  #mayResume(resume: Connect["resume"], user: Connect["user"], now: number): resume is Resume {
    if (resume === null) return false;
    const entry = this.#options.changes.hydrate(now).get(resume.channel);
    if (entry?.owner.kind !== "local" || entry.owner.secret !== resume.secret) return false;
    return entry.presence.user?.id === user?.id;
  }

  /**
   * Why there is no place: too many connections, or presences that outlive theirs, altogether or of this user.
   * Who comes back needs no new place.
   */
  #fullness({ isWatching, resume, user }: Connect, now: number): string | null {
    const { settings, sockets, changes } = this.#options;
    const { roomMax, userMax } = settings;
    const id = user?.id ?? null;
    const { connectionCounts } = sockets;
    const set = changes.hydrate(now);
    const isBack = !isWatching && this.#mayResume(resume, user, now);
    // Its own old socket, of which only the client knows that it is dead.
    const isReplacing = isBack && sockets.ofChannel(resume.channel).length > 0;
    const hasPlaces = (connections: number, presences: number, max: number) =>
      (isReplacing || connections < max) &&
      (isBack || isWatching || presences < max * PRESENCES_PER_CONNECTION);
    if (!hasPlaces(connectionCounts.size, set.size, roomMax)) {
      return `the room is full; its limit is ${formatCount(roomMax)} connections; try again later`;
    }
    if (hasPlaces(connectionCounts.of(id), set.presencesOf(id), userMax)) return null;
    return `you have too many connections to this room; the limit is ${formatCount(userMax)} for one user; close one and try again later`;
  }

  #newPresence(): Resume {
    return { channel: this.#newChannel(), secret: randomId(RESUME_SECRET_BYTES) };
  }

  #newChannel(): string {
    return `${this.#options.room}!${randomId(CHANNEL_ID_BYTES)}`;
  }
}

function randomId(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}
