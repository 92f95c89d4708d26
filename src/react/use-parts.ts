/** Parts of what is known of a room, for components that show no more than that. */

import type { Json, JsonObject, Member, RoomOptions, RoomView, Self } from "../client/index.ts";
import { usePresence } from "./use-presence.ts";

/**
 * The users in the room, each with their tabs and states. Renders again when one of them changes.
 */
export function useMembers<State = Json, Info = JsonObject>(
  options: RoomOptions<State>,
): readonly Member<State, Info>[] {
  return usePresence<readonly Member<State, Info>[], State, Info>(options, membersOf);
}

/** This client in the room; `null` until the server has welcomed it. */
export function useSelf<State = Json, Info = JsonObject>(
  options: RoomOptions<State>,
): Self<State, Info> | null {
  return usePresence<Self<State, Info> | null, State, Info>(options, selfOf);
}

/**
 * How many members there are, also where names are hidden. Does not render when a state changes.
 */
export function useCount(options: RoomOptions<unknown>): number {
  return usePresence(options, countOf);
}

function membersOf<State, Info>({ members }: Pick<RoomView<State, Info>, "members">) {
  return members;
}

function selfOf<State, Info>({ self }: Pick<RoomView<State, Info>, "self">) {
  return self;
}

function countOf({ count }: Pick<RoomView, "count">): number {
  return count;
}
