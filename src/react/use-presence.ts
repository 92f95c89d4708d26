/** The hook that others are made of: a selection of what is known of a room. */

import {
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";
import type { Json, JsonObject, PresenceStatus, RoomOptions, RoomView } from "../client/index.ts";
import { blankView } from "../client/view-store.ts";
import { sameOrNew } from "./selection.ts";
import { acquire, enter, keyOf, peek, release } from "./shared-room.ts";
import { type Mounted, useMounted } from "./use-options.ts";

export type Actions<State> = {
  /**
   * `setState` of the client. The same function as long as the room is the same. Does nothing after the
   * component was unmounted.
   */
  readonly setState: (state: State | null) => void;
  /**
   * `setStatus` of the client. The same function as long as the room is the same. Does nothing after the
   * component was unmounted.
   */
  readonly setStatus: (status: PresenceStatus) => void;
  /**
   * `send` of the client. The same function as long as the room is the same. Does nothing after the
   * component was unmounted, and returns `false`.
   */
  readonly send: (payload: Json) => boolean;
  /**
   * `reconnect` of the client: for a token function that would return another token now. The same
   * function as long as the room is the same.
   */
  readonly reconnect: () => void;
};

/** What is known of a room, and what a component can do in it. */
export type RoomPresent<State = Json, Info = JsonObject> = RoomView<State, Info> & Actions<State>;

/**
 * Joins the room while the component is mounted, and returns what is known of the room, or what
 * `select` takes of it. Renders again when that is another value; lists and plain objects are
 * compared item by item.
 *
 * All components with the same `url`, `room` and `watch` share one connection. It uses the newest
 * token, and otherwise the options of the component that was first.
 *
 * @example
 * const { members, setState } = usePresence({ url, room: "lobby", token });
 * const isFull = usePresence({ url, room: "lobby", token }, ({ count }) => count >= 8);
 */
export function usePresence<State = Json, Info = JsonObject>(
  options: RoomOptions<State>,
): RoomPresent<State, Info>;
export function usePresence<Selection, State = Json, Info = JsonObject>(
  options: RoomOptions<State>,
  select: (room: RoomPresent<State, Info>) => Selection,
): Selection;
export function usePresence<State, Info>(
  options: RoomOptions<State>,
  select: (room: RoomPresent<State, Info>) => unknown = all,
): unknown {
  const key = keyOf(options);
  const mounted = useMounted(options);
  const blank = useMemo(() => blankView(options.room), [options.room]);
  const actions = useMemo(() => actionsIn(key, mounted), [key, mounted]);
  const shown = useRef<{ readonly value: unknown }>(undefined);
  const selectFrom = useMemo(
    () => selector((view) => selectAs(select, { ...view, ...actions }), shown),
    [select, actions],
  );
  const subscribe = useSubscription(key, mounted);
  const value = useSyncExternalStore(
    subscribe,
    () => selectFrom(peek(key)?.view ?? blank),
    () => selectFrom(blank),
  );
  useEffect(() => {
    shown.current = { value };
  }, [value]);
  return value;
}

/** Subscribes to the room, and is in it as long as React is subscribed. */
function useSubscription(
  key: string,
  mounted: Mounted<unknown>,
): (changed: () => void) => () => void {
  return useCallback(
    (changed) => {
      const unsubscribe = enter(mounted.current.options).subscribe(changed);
      return () => {
        unsubscribe();
        release(key);
      };
    },
    [key, mounted],
  );
}

function all(room: unknown): unknown {
  return room;
}

/** Remembers the last selection: React asks more than once, and takes a new object for a change. */
function selector(
  select: (view: RoomView<unknown>) => unknown,
  shown: RefObject<{ readonly value: unknown } | undefined>,
): (view: RoomView<unknown>) => unknown {
  let last: { readonly view: RoomView<unknown>; readonly value: unknown } | undefined;
  return (view) => {
    if (last?.view === view) return last.value;
    last = { view, value: sameOrNew(last ?? shown.current, select(view)) };
    return last.value;
  };
}

function selectAs<State, Info>(
  select: (room: RoomPresent<State, Info>) => unknown,
  room: RoomView<unknown> & Actions<State>,
): unknown {
  // SAFETY: the component promises the types of states and infos, as the callers of `joinRoom` do.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return select(room as unknown as RoomPresent<State, Info>);
}

function actionsIn<State>(key: string, mounted: Mounted<State>): Actions<State> {
  const client = () => {
    const { options, isMounted } = mounted.current;
    // A timer of a component that is gone, or that is in another room by now.
    if (!isMounted || keyOf(options) !== key) return null;
    // The effect of a child may run before the room is joined: then this joins it.
    const joined = acquire(options);
    release(key);
    return joined;
  };
  return {
    setState: (state) => client()?.setState(state),
    setStatus: (status) => client()?.setStatus(status),
    send: (payload) => client()?.send(payload) ?? false,
    reconnect: () => client()?.reconnect(),
  };
}
