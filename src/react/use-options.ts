/** The options of a component, for functions that outlive its rendering. */

import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import type { RoomOptions } from "../client/index.ts";
import { keyOf, renew } from "./shared-room.ts";

/** Runs before the effects of children. React warns of a layout effect on a server, which runs none. */
const useEarlyEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** What is known of a component between its renderings. */
export type Mounted<State> = RefObject<{
  /** Of the last rendering that was committed. */
  readonly options: RoomOptions<State>;
  /** Whether it may still act. Before it is mounted it may: the effects of its children come first. */
  readonly isMounted: boolean;
}>;

/** Follows the options of a component. A changed token is passed on to the room at once. */
export function useMounted<State>(options: RoomOptions<State>): Mounted<State> {
  const mounted = useRef({ options, isMounted: true });
  useEarlyEffect(() => {
    mounted.current = { options, isMounted: true };
  });
  useEffect(() => {
    mounted.current = { ...mounted.current, isMounted: true };
    return () => {
      const last = mounted.current;
      // Not at once: an effect of the component may take its state back while it unmounts.
      queueMicrotask(() => {
        if (mounted.current === last) mounted.current = { ...last, isMounted: false };
      });
    };
  }, []);
  const key = keyOf(options);
  const { token } = options;
  const renewed = useRef({ key, token });
  useEffect(() => {
    const before = renewed.current;
    renewed.current = { key, token };
    if (before.token !== token && before.key === key) renew(key, token);
  }, [key, token]);
  return mounted;
}
