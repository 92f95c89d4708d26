/** The messages of a room. */

import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { JsonObject, RoomMessage, RoomOptions } from "../client/index.ts";
import { KEPT_MESSAGES_MAX } from "../core/limits.ts";
import { enter, keyOf, release } from "./shared-room.ts";
import { useMounted } from "./use-options.ts";

const NONE: readonly RoomMessage[] = [];

/**
 * Joins the room while the component is mounted, and returns the messages that came meanwhile, the
 * oldest first.
 *
 * @param options as of `joinRoom`
 * @param keep how many messages it returns at most, the newest; 1 or more. Default: 100. Nobody
 * stores messages from before.
 *
 * @example
 * const messages = useMessages({ url, room: "lobby", token }, 20);
 */
export function useMessages<Info = JsonObject>(
  options: RoomOptions<unknown>,
  keep: number = KEPT_MESSAGES_MAX,
): readonly RoomMessage<Info>[] {
  const key = keyOf(options);
  const mounted = useMounted(options);
  // Another room begins with none.
  const kept = useMemo(() => ({ key, messages: NONE }), [key]);
  const subscribe = useCallback(
    (changed: () => void) => {
      const unsubscribe = enter(mounted.current.options).on("message", (message) => {
        kept.messages = [...kept.messages, message].slice(-keep);
        changed();
      });
      return () => {
        unsubscribe();
        release(key);
      };
    },
    [key, mounted, kept, keep],
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
