/** The options of a component, for functions that outlive its rendering. */

import { type RefObject, useEffect, useRef } from "react";
import type { RoomOptions } from "../client/index.ts";
import { keyOf, renew } from "./shared-room.ts";

/**
 * The options of the last rendering that was committed. A changed token is passed on to the room at
 * once.
 */
export function useNewest<State>(options: RoomOptions<State>): RefObject<RoomOptions<State>> {
  const newest = useRef(options);
  useEffect(() => {
    const before = newest.current;
    newest.current = options;
    const key = keyOf(options);
    if (before.token !== options.token && keyOf(before) === key) renew(key, options.token);
  }, [options]);
  return newest;
}
