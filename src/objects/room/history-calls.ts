/** What servers ask of one room's past: what happened, who was there at a moment, who when. */

import type { Changes } from "./changes.ts";
import type { Settings } from "../../config/settings.ts";
import { attendanceOf } from "../../core/attendance.ts";
import { eventPageOf } from "../../core/event-page.ts";
import type { PastOccupants } from "../../core/http-shapes.ts";
import { ATTENDANCE_VISITS_MAX, EVENT_PAGE_RECORDS_MAX } from "../../core/limits.ts";
import { ProtocolError } from "../../core/protocol.ts";
import { roomAt } from "../../core/replay.ts";
import { type LogPart, type LogPosition, placed, revOf } from "../../core/room-log.ts";
import type {
  AttendanceAnswer,
  AttendanceQuery,
  EventAnswer,
  EventQuery,
} from "../../rpc/stubs.ts";
import type { RoomLog } from "./room-log.ts";

export type HistoryCallsOptions = {
  readonly room: string;
  readonly settings: Pick<Settings, "historyMs" | "historyMax">;
  readonly log: RoomLog;
  readonly changes: Changes;
};

export class HistoryCalls {
  readonly #options: HistoryCallsOptions;

  constructor(options: HistoryCallsOptions) {
    this.#options = options;
  }

  /** A page of events. Throws a ProtocolError where what is behind a revision is not known any more. */
  events({ after, place, from, to, user, types, limit }: EventQuery): EventAnswer {
    const { room, log } = this.#options;
    const start = this.#start();
    const known = place?.rev ?? after;
    const begin = from === null ? start.n : Math.max(start.n, log.numberBefore(from));
    const first = known === null ? begin : Math.max(begin, this.#numberOf(known, start));
    const { events, next } = eventPageOf(
      { room, life: log.life },
      log.partsAfter(first),
      first,
      { from, to, user, types: new Set(types) },
      { events: limit, records: EVENT_PAGE_RECORDS_MAX },
    );
    const isCut = start.n > 0 && !(from !== null && start.at < from);
    const complete = place?.complete ?? (after !== null || !isCut);
    return { events, rev: revOf(log.life, log.end.n), complete, next };
  }

  /** The payload of the `presence` frame, as it was. */
  at(moment: number): PastOccupants {
    const { room, log, changes } = this.#options;
    const present = changes.hydrate(Date.now()).entries();
    const start = this.#start();
    const past = roomAt(moment, present, this.#partsBackTo(start), log.end);
    return {
      channel_name: room,
      members: past.members,
      lurkers: past.lurkers,
      rev: revOf(log.life, past.n),
      complete: this.#isKnown(moment, start),
    };
  }

  /** A page of users, each with the visits that touch the time that is asked for. */
  attendance({ from, to, limit, after }: AttendanceQuery): AttendanceAnswer {
    const now = Date.now();
    const present = this.#options.changes.hydrate(now).entries();
    const start = this.#start();
    const { users, next } = attendanceOf(
      present,
      this.#partsBackTo(start),
      { from: from ?? 0, to: to ?? now, now },
      { after, limit, visitsMax: ATTENDANCE_VISITS_MAX },
    );
    const complete = from === null ? start.n === 0 : this.#isKnown(from, start);
    return { users, complete, next };
  }

  /** The number of the event that a revision names. */
  #numberOf(rev: string, start: LogPosition): number {
    const n = this.#options.log.find(rev);
    if (n !== null && n >= start.n) return n;
    throw new ProtocolError(
      "history_gone",
      "this revision is of another life of the room, or older than what is kept; read the room anew and go on from there",
    );
  }

  /** The place before the first event that is told: storage may have more than is to be kept. */
  #start(): LogPosition {
    const { log, settings } = this.#options;
    const least = log.end.n - settings.historyMax;
    const { start } = log;
    if (start.n >= least) return start;
    for (const { before } of placed(log.partsAfter(least))) if (before.n >= least) return before;
    return log.end;
  }

  /** The parts from the newest back, without what is before `start`. */
  *#partsBackTo(start: LogPosition): Generator<LogPart, void> {
    for (const part of this.#options.log.partsBackwards()) {
      if (part.start.n >= start.n) {
        yield part;
        continue;
      }
      const rest = [...placed([part])].filter(({ before }) => before.n >= start.n);
      yield { start, records: rest.map(({ record }) => record) };
      return;
    }
  }

  /**
   * Whether everything since a moment is known. Before the first event of this life there may have been
   * another life, but for as long as rooms are remembered.
   */
  #isKnown(moment: number, start: LogPosition): boolean {
    const { log, settings } = this.#options;
    if (start.n > 0) return start.at <= moment;
    if (moment >= Date.now() - settings.historyMs) return true;
    const [first] = log.partsAfter(0);
    const beganAt = first?.records[0]?.at;
    return beganAt !== undefined && beganAt <= moment;
  }
}
