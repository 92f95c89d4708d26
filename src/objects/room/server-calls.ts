/** What servers ask of one room: who is in it, and to change that. */

import type { Broadcaster } from "./broadcaster.ts";
import type { Changes } from "./changes.ts";
import type { Settings } from "../../config/settings.ts";
import { countsOf, MutableCounters } from "../../core/counters.ts";
import {
  type GivenPresence,
  hasSocket,
  needsDetached,
  setPresence,
} from "../../core/given-presence.ts";
import { listFrame } from "../../core/frames.ts";
import type { Json } from "../../core/json.ts";
import { PRESENCES_PER_CONNECTION } from "../../core/limits.ts";
import type { ElsewhereOwner } from "../../core/owner.ts";
import type { ListedPresence, Presence } from "../../core/presence.ts";
import { formatCount, type PresenceFrame, ProtocolError } from "../../core/protocol.ts";
import { withoutStatus } from "../../core/status.ts";
import type { Added, PresencePage, Replay, RoomStats, Sighting } from "../../rpc/stubs.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Sockets } from "./sockets.ts";
import type { RoomState } from "./state.ts";
import type { Store } from "./store.ts";
import type { WebhookOutbox } from "./webhook-outbox.ts";

export type ServerCallsOptions = {
  readonly room: string;
  readonly settings: Settings;
  readonly sockets: Sockets;
  readonly store: Store;
  readonly state: RoomState;
  readonly changes: Changes;
  readonly broadcaster: Broadcaster;
  readonly maintenance: Maintenance;
  readonly webhooks: WebhookOutbox;
};

export class ServerCalls {
  readonly #options: ServerCallsOptions;

  constructor(options: ServerCallsOptions) {
    this.#options = options;
  }

  occupants(): PresenceFrame["payload"] {
    const { room, changes } = this.#options;
    return listFrame(room, changes.hydrate(Date.now())).payload;
  }

  /**
   * `null` where the channel should be local and is not any more. Throws a ProtocolError where the
   * room is full, or a state or a ttl is given to a channel that has a socket.
   */
  async add(presence: GivenPresence, owner: ElsewhereOwner | null): Promise<Added | null> {
    const { channel, given } = presence;
    const { settings, sockets, changes, broadcaster } = this.#options;
    const now = Date.now();
    const set = changes.hydrate(now);
    const before = set.get(channel);
    if (owner === null && before?.owner.kind !== "local") return null;
    const isDetached = owner?.kind === "detached" && before?.owner.kind !== "local";
    if (needsDetached(given) && !isDetached) throw hasSocket();
    const max = settings.roomMax * PRESENCES_PER_CONNECTION;
    if (!before && set.size >= max) {
      const message = `the room is full; its limit is ${formatCount(max)} presences; try again later`;
      throw new ProtocolError("room_full", message);
    }
    const { user, diff } = setPresence(set, presence, { now, owner: owner ?? undefined });
    sockets.setUser(channel, user, now);
    if (!before && owner?.kind === "remote") broadcaster.outbox.welcomeLater(channel);
    changes.apply(diff, now);
    await changes.notified();
    const added = set.get(channel)?.presence ?? { channel, user, joinedAt: now };
    return { isNew: before === undefined, presence: this.#list(added) };
  }

  /** The generation of the link that the Channel object must remove, where the channel has one. */
  async remove(channel: string): Promise<number | null> {
    const { changes } = this.#options;
    const now = Date.now();
    const set = changes.hydrate(now);
    const owner = set.get(channel)?.owner;
    changes.apply(set.leave(channel, "removed"), now);
    await changes.notified();
    return owner?.kind === "detached" ? owner.generation : null;
  }

  /** Presences in the order of their joins, `limit` of them from behind `after` on. */
  async page(after: string | null, limit: number): Promise<PresencePage> {
    const { changes, maintenance } = this.#options;
    await maintenance.freshen();
    // Whoever came in meanwhile.
    changes.settle(Date.now());
    const all = Array.from(changes.hydrate(Date.now()).entries(), ({ presence }) => presence)
      .map((presence) => ({ presence, key: orderOf(presence) }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const rest = after === null ? all : all.filter(({ key }) => key > after);
    const page = rest.slice(0, limit);
    const presences = page.map(({ presence }) => this.#list(presence));
    return { presences, after: rest.length > limit ? (page.at(-1)?.key ?? null) : null };
  }

  /** Throws a ProtocolError, `no_webhook` or `history_gone`. */
  replayWebhooks(replay: Replay): number {
    const { changes, webhooks } = this.#options;
    changes.hydrate(Date.now());
    return webhooks.replay(replay);
  }

  stats(): RoomStats {
    const { room, sockets, changes, webhooks } = this.#options;
    const set = changes.hydrate(Date.now());
    const { connectionCounts, metrics } = sockets;
    const counters = metrics.total() ?? new MutableCounters(Date.now());
    const { left, lost, expired, removed, replaced, framesIn, framesOut, ...counts } =
      countsOf(counters);
    const webhook = webhooks.status();
    return {
      room,
      connections: connectionCounts.size,
      presences: set.size,
      members: set.memberCount,
      lurkers: set.lurkers,
      since: counters.since,
      ...counts,
      leaves: { left, lost, expired, removed, replaced },
      frames: { in: framesIn, out: framesOut },
      ...(webhook === undefined ? {} : { webhook }),
    };
  }

  look(channel: string): Sighting | null {
    const { state, changes } = this.#options;
    const entry = changes.hydrate(Date.now()).get(channel);
    if (!entry) return null;
    const { presence, ttlMs } = entry;
    const sighting = { user: presence.user, lastSeen: state.lastSeen(channel) };
    return ttlMs === undefined ? sighting : { ...sighting, ttlMs };
  }

  /**
   * Sends to every connection and returns to how many. Throws a ProtocolError where too much waits
   * already.
   */
  send(payload: Json): number {
    const { sockets, store, changes, broadcaster } = this.#options;
    const connections = sockets.open().length + store.remoteChannels.size;
    if (connections === 0) return 0;
    broadcaster.outbox.addMessage({ from: null, payload });
    changes.flush(Date.now());
    return connections;
  }

  /**
   * Presences that were last seen longer than `ageMs` ago leave, or such as are due anyway. Returns
   * them.
   */
  async prune(ageMs?: number): Promise<ListedPresence[]> {
    const { room, changes, maintenance } = this.#options;
    await maintenance.freshen();
    const { leaves } = maintenance.prune(ageMs);
    const now = Date.now();
    await changes.notified();
    return Array.from(leaves, (leave) => {
      const { reason: _, lastSeen, ...presence } = withoutStatus(leave);
      return { room, ...presence, lastSeen: Math.min(lastSeen, now) };
    });
  }

  #list(presence: Presence): ListedPresence {
    const { room, state } = this.#options;
    return { room, ...withoutStatus(presence), lastSeen: state.lastSeen(presence.channel) };
  }
}

/** A key that sorts like the joins do, and is the presence's own. */
function orderOf({ joinedAt, channel }: Presence): string {
  return `${String(joinedAt).padStart(15, "0")} ${channel}`;
}
