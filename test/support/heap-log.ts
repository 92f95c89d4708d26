/**
 * The heap of the engine in the runtime, read off the log that it writes of each collection of garbage: what is
 * alive, and what it has taken from the system, which are two things.
 */

import * as v from "valibot";

/** The engine's flags under which it writes the log. */
export const HEAP_LOG_FLAGS = ["--trace-gc", "--trace-gc-nvp"];

/** Bytes. */
export type Heap = {
  /** What a full collection could not free, at the last one. */
  readonly alive: number;
  /** What the engine holds for its heap, after the last collection of any kind. */
  readonly taken: number;
  /** How large the engine has made the young generation, in which all that is new is allocated. */
  readonly young: number;
};

const Collection = v.object({
  gc: v.string(),
  end_object_size: v.number(),
  end_memory_size: v.number(),
  new_space_capacity: v.number(),
});

/** A collection of all generations; `s` is one of the young generation alone. */
const FULL = "mc";

export class HeapLog {
  #rest = "";
  #heap: Heap = { alive: Number.NaN, taken: Number.NaN, young: Number.NaN };

  /** Takes in what the runtime has written; returns the rest of it, which is not of this log. */
  read(text: string): string {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => (this.#readLine(line) ? [] : [`${line}\n`])).join("");
  }

  /** `NaN` where there was no such collection yet. */
  get heap(): Heap {
    return this.#heap;
  }

  #readLine(line: string): boolean {
    const [, json] = /^\[\d+:0x[0-9a-f]+:\d+\] .* ms: GC: (\{.*\})$/.exec(line) ?? [];
    if (json === undefined) return /^\[\d+:0x[0-9a-f]+:\d+\] .* Memory pool: /.test(line);
    const collection = v.parse(Collection, JSON.parse(json));
    this.#heap = {
      alive: collection.gc === FULL ? collection.end_object_size : this.#heap.alive,
      taken: collection.end_memory_size,
      young: collection.new_space_capacity,
    };
    return true;
  }
}
