/**
 * What was heard, each distinct text once: a frame to a thousand clients is one text, which is parsed once
 * and then recognised by its bytes. So every client's list is known exactly, at the price of comparing memory.
 */

import { type Effect, effectOf, type Someone } from "./effects.ts";

/** Shorter texts are found by their characters, longer ones by comparing with those of the same length. */
const SHORT = 512;

export class Texts {
  readonly #short = new Map<string, Effect>();
  readonly #long = new Map<number, { readonly text: Buffer; readonly effect: Effect }[]>();

  /** What `payload` tells. */
  effect(payload: Buffer): Effect {
    return payload.length < SHORT ? this.#shortEffect(payload) : this.#longEffect(payload);
  }

  /** Everybody who was named in any of them. */
  *someones(): Generator<Someone> {
    for (const { joins } of this.#short.values()) yield* joins;
    for (const same of this.#long.values()) for (const { effect } of same) yield* effect.joins;
  }

  #shortEffect(payload: Buffer): Effect {
    const text = payload.toString("latin1");
    const known = this.#short.get(text);
    if (known) return known;
    const effect = effectOf(payload.toString());
    this.#short.set(text, effect);
    return effect;
  }

  #longEffect(payload: Buffer): Effect {
    const same = this.#long.get(payload.length) ?? [];
    this.#long.set(payload.length, same);
    // The newest is the likeliest.
    const known = same.findLast(({ text }) => text.equals(payload));
    if (known) return known.effect;
    const effect = effectOf(payload.toString());
    same.push({ text: Buffer.from(payload), effect });
    return effect;
  }
}
