/**
 * What goes wrong inside of objects, on demand and once: a call that fails before or after it has done its work,
 * an object that dies in the middle of one, storage that does not take a row.
 */

import { Channel, Lobby, Room } from "../../support/worker.ts";
import { inRoom } from "../../support/room.ts";

const CLASSES = { room: Room, channel: Channel, lobby: Lobby } as const;

/** What other objects and the Worker ask of an object, and what happens to it. */
const METHODS = {
  room: "add remove link look touch touchHere leaveAll where drop deliver resync seen fetch alarm".split(
    " ",
  ),
  channel: ["link", "isLinked", "unlink", "touch", "leaveAll", "where", "alarm"],
  lobby: ["fill", "empty", "page"],
} as const;

type Kind = keyof typeof METHODS;

/** One method of one object. */
export type Target = { readonly kind: Kind; readonly name: string; readonly method: string };

export type Mishap = "fails" | "loses its answer" | "crashes";

const armed = new Map<string, Mishap>();
let isSpared = false;
let tell = (_target: Target, _mishap: Mishap) => {};

/** Calls `listener` whenever something goes wrong, at that very moment. */
export function onMishap(listener: typeof tell): void {
  tell = listener;
}

/** The next call of that method goes wrong, whoever calls, over all lives of the object. */
export function arm(target: Target, mishap: Mishap): void {
  armed.set(keyOf(target), mishap);
}

/** Nothing goes wrong any more, in that object or anywhere. */
export function disarm(name?: string): void {
  for (const key of armed.keys()) {
    if (name === undefined || key.includes(` ${name} `)) armed.delete(key);
  }
}

/** Looks into an object as nobody else does: what is armed for those who call it stays armed. */
export function spared<T>(look: () => T): T {
  isSpared = true;
  try {
    return look();
  } finally {
    isSpared = false;
  }
}

/** Makes the next write, deletion or reading of a room's storage throw. Calls `onFailure` when it does. */
export function breakStorage(
  room: string,
  method: "put" | "delete" | "list",
  onFailure: () => void,
): Promise<void> {
  return survive(() =>
    inRoom(room, (_, { storage: { kv } }) => {
      const works: unknown = Reflect.get(kv, method);
      const fail = () => {
        Object.defineProperty(kv, method, { configurable: true, value: works });
        onFailure();
        throw new Error("the disk is full");
      };
      Object.defineProperty(kv, method, { configurable: true, value: fail });
      mend.set(room, () => Object.defineProperty(kv, method, { configurable: true, value: works }));
    }),
  );
}

const mend = new Map<string, () => void>();

/** Storage works again, where it has not failed meanwhile. */
export function mendStorage(room: string): Promise<void> {
  // The room may have another storage object by now: then there is nothing to mend.
  return survive(() =>
    inRoom(room, () => {
      mend.get(room)?.();
      mend.delete(room);
    }),
  );
}

/** Looks into an object that may be dying at this very moment: then into its next life. */
export async function survive<T>(look: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      return await look();
    } catch (error) {
      if (attempt > 3 || !String(error).includes("crashed")) throw error;
    }
  }
}

function keyOf({ kind, name, method }: Target): string {
  return `${kind} ${name} ${method}`;
}

for (const kind of ["room", "channel", "lobby"] as const) {
  for (const method of METHODS[kind]) intercept(kind, method);
}

/** On the prototype, since a stub reaches no other methods. */
function intercept(kind: Kind, method: string): void {
  const { prototype } = CLASSES[kind];
  // SAFETY: METHODS names methods only; what they take and return is passed on as it is.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const works = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  function answer(this: object, ...args: unknown[]): unknown {
    const ctx = contextOf(this);
    const target = { kind, name: ctx.id.name ?? "", method };
    const mishap = isSpared ? undefined : armed.get(keyOf(target));
    const work = (): unknown => Reflect.apply(works, this, args);
    if (mishap === undefined) return work();
    armed.delete(keyOf(target));
    const happens = () => tell(target, mishap);
    if (mishap === "crashes") return caught(crashAmid(ctx, work, happens));
    happens();
    if (mishap === "fails") throw new Error("out of order");
    return caught(loseAnswer(work));
  }
  Object.defineProperty(prototype, method, { configurable: true, value: answer });
}

/** Whoever asked may be dead by then, and nobody is to complain that this was not caught. */
function caught<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => {});
  return answer;
}

async function loseAnswer(work: () => unknown): Promise<never> {
  await work();
  throw new Error("the answer was lost");
}

/** What it has stored by the first await is on disk. */
async function crashAmid(
  ctx: DurableObjectState,
  work: () => unknown,
  happens: () => void,
): Promise<void> {
  void Promise.resolve(work()).catch(() => {});
  await ctx.storage.sync();
  happens();
  ctx.abort("crashed");
}

function contextOf(object: object): DurableObjectState {
  // SAFETY: every Durable Object has its context there; it is protected, for outsiders only.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Reflect.get(object, "ctx") as DurableObjectState;
}
