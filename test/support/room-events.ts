/** Events of a room, as its log numbers them. */

import type { RoomEvent, RoomEventType } from "../../src/core/room-events.ts";
import type { NumberedEvent } from "../../src/core/room-log.ts";

export function roomEvent(number: number, parts: Partial<RoomEvent> = {}): RoomEvent {
  const type: RoomEventType = "member.joined";
  return {
    id: `life:${number}`,
    rev: `life:${number}`,
    prev: number === 1 ? null : `life:${number - 1}`,
    at: 1_764_417_600_000 + number,
    type,
    room: "lobby",
    user: { id: `user-${number}` },
    channel: `channel-${number}`,
    joinedAt: 1_764_417_600_000 + number,
    members: number,
    lurkers: 0,
    presences: number,
    ...parts,
  };
}

/** Events numbered from `first` to `last`. */
export function* numbered(
  first: number,
  last: number,
  parts: Partial<RoomEvent> = {},
): Generator<NumberedEvent> {
  for (let number = first; number <= last; number += 1) {
    yield { number, event: roomEvent(number, parts) };
  }
}
