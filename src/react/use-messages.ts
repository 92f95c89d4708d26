/** The messages of a room. */

import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { JsonObject, RoomMessage, RoomOptions } from "../client/index.ts";
import { KEPT_MESSAGES_MAX } from "../core/limits.ts";
import { acquire, keyOf, release } from "./shared-room.ts";
import { useNewest } from "./use-options.ts";

const NONE: readonly RoomMessage[] = [];

/**
 * Is in the room as long as the component is mounted, and returns the messages that came meanwhile, the oldest
 * first: the last `keep` of them, 100 if it does not say. What was sent before, nobody stores.
 */
export function useMessages<Info = JsonObject>(
  options: RoomOptions<unknown>,
  keep: number = KEPT_MESSAGES_MAX,
): readonly RoomMessage<Info>[] {
  const key = keyOf(options);
  const newest = useNewest(options);
  // Another room begins with none.
  const kept = useMemo(() => ({ key, messages: NONE }), [key]);
  const subscribe = useCallback(
    (changed: () => void) => {
      const unsubscribe = acquire(newest.current).on("message", (message) => {
        kept.messages = [...kept.messages, message].slice(-keep);
        changed();
      });
      return () => {
        unsubscribe();
        release(key);
      };
    },
    [key, newest, kept, keep],
  );
  const messages = useSyncExternalStore(
    subscribe,
    () => kept.messages,
    () => NONE,
  );
  // SAFETY: which type infos have, the component promises, as a page does to the client.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return messages as readonly RoomMessage<Info>[];
}
