/**
 * The Channel object: the owner of a channel that has no socket here. It knows the rooms of its
 * channel, so that a touch and a goodbye reach them all. At its alarm it asks them which presences
 * have expired.
 */

import { DurableObject } from "cloudflare:workers";
import pMap from "p-map";
import { Alarm } from "./alarm.ts";
import { ALARM_RETRY_MS, CALLS_AT_ONCE } from "../core/limits.ts";
import type { DetachedOwner } from "../core/owner.ts";
import { type ErrorFrame, ProtocolError } from "../core/protocol.ts";
import type { Env } from "../config/env.ts";
import { Memberships } from "./memberships.ts";
import { logError } from "../telemetry/log.ts";
import { readSettings } from "../config/settings.ts";
import { call } from "../rpc/call.ts";
import type { Behind, ChannelStub, Sighting, Whereabouts } from "../rpc/stubs.ts";

export class Channel extends DurableObject<Env> implements Behind<ChannelStub> {
  readonly #name: string;
  readonly #maxAgeMs: number;
  readonly #memberships: Memberships;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#maxAgeMs = readSettings(env).maxAgeMs;
    this.#memberships = new Memberships(ctx.storage, env.PRESENCE_ROOM);
    this.#alarm = new Alarm(ctx.storage);
  }

  /** Adds a room, before that room hears of the channel. */
  async link(room: string): Promise<DetachedOwner | ErrorFrame> {
    // A room that the channel left must know that first, or it would drop the channel that comes
    // back now.
    await this.#memberships.notify();
    const setFor = await this.ctx.storage.getAlarm();
    await this.#alarm.restore(setFor ?? Date.now() + this.#maxAgeMs);
    try {
      const now = Date.now();
      const isNew = !this.#memberships.of(this.#name).has(room);
      const link = this.#memberships.add(this.#name, room, now);
      // In the same turn, so that no crash leaves a link without an alarm. Mostly one is set
      // already; with a long ttl that may be for much later, which will do for a link that is renewed.
      if (isNew) this.#alarm.setBy(now + this.#maxAgeMs);
      return { kind: "detached", ...link };
    } catch (error) {
      if (error instanceof ProtocolError) return error.toFrame();
      throw error;
    }
  }

  /** Whether the link is still there. If not, the channel ended before the room had heard of it. */
  isLinked(room: string, generation: number): boolean {
    return this.#memberships.of(this.#name).get(room)?.generation === generation;
  }

  async unlink(room: string, generation: number): Promise<void> {
    this.#memberships.remove(this.#name, room, generation);
    await this.#eraseIfEmpty();
  }

  async where(): Promise<Whereabouts | null> {
    const sightings = await this.#sightings();
    const newest = [...sightings.values()].toSorted((a, b) => b.lastSeen - a.lastSeen)[0];
    if (!newest) return null;
    const { user, lastSeen } = newest;
    return { channel: this.#name, user, lastSeen, rooms: [...sightings.keys()] };
  }

  /** Throws where a room could not be reached; the others have been touched nevertheless. */
  async touch(): Promise<readonly string[]> {
    const touchHere = (room: string) =>
      call(this.env.PRESENCE_ROOM, room, (stub) => stub.touchHere(this.#name));
    const rooms = this.#rooms;
    const options = { concurrency: CALLS_AT_ONCE, stopOnError: false };
    try {
      const isTouched = await pMap(rooms, touchHere, options);
      return rooms.filter((_, index) => isTouched[index]);
    } catch (error) {
      // An AggregateError has no message of its own, and its errors do not cross to the calling
      // object.
      const why = error instanceof AggregateError ? error.errors.map(String).join("; ") : error;
      throw new Error(`not all rooms could be reached, touch the channel again: ${String(why)}`, {
        cause: error,
      });
    }
  }

  /** Rooms that cannot be reached now are notified later. */
  async leaveAll(): Promise<readonly string[]> {
    const sightings = await this.#sightings((error) =>
      this.#failed("a room could not be asked for a channel", error),
    );
    this.#memberships.end(this.#name, "removed");
    await this.#reconcile();
    return [...sightings.keys()];
  }

  override async alarm(): Promise<void> {
    this.#alarm.reset();
    // Removes the links to rooms where the presence has expired.
    const sightings = await this.#sightings((error) =>
      this.#failed("a room could not be asked for a channel", error),
    );
    await this.#reconcile();
    if (!this.#memberships.isEmpty) this.#alarm.setBy(this.#nextLook(sightings));
  }

  /** A presence with a ttl need not be looked for before that may be over. */
  #nextLook(sightings: ReadonlyMap<string, Sighting>): number {
    const soon = Date.now() + this.#maxAgeMs;
    const ends = this.#rooms.map((room) => {
      const { lastSeen, ttlMs } = sightings.get(room) ?? {};
      if (lastSeen === undefined || ttlMs === undefined) return soon;
      return lastSeen + ttlMs + ALARM_RETRY_MS;
    });
    return Math.max(soon, Math.min(...ends));
  }

  get #rooms(): readonly string[] {
    return [...this.#memberships.of(this.#name).keys()];
  }

  #sightings(onError?: (error: unknown) => void): Promise<Map<string, Sighting>> {
    const arrivedBefore = Date.now() - this.#maxAgeMs;
    return this.#memberships.sightings(this.#name, { arrivedBefore, onError });
  }

  async #reconcile(): Promise<void> {
    try {
      await this.#memberships.notify();
      await this.#eraseIfEmpty();
    } catch (error) {
      this.#failed("rooms of a channel could not be told", error);
    }
  }

  async #eraseIfEmpty(): Promise<void> {
    if (!this.#memberships.isEmpty) return;
    this.#alarm.reset();
    await this.ctx.storage.deleteAll();
  }

  #failed(event: string, error: unknown): void {
    const channel = this.#name;
    logError(event, error, { channel });
    this.#alarm.setBy(Date.now() + ALARM_RETRY_MS);
  }
}
