/** A question that may be withdrawn: what it brings after that is thrown away. */

import { TOKEN_MS_MAX } from "../core/limits.ts";
import { after } from "./timer.ts";

/**
 * Asks, and calls `answered` or `failed` once: it fails too where it takes longer than TOKEN_MS_MAX. The
 * function that it returns withdraws the question.
 */
export function ask<Answer>(
  question: () => Promise<Answer>,
  answered: (answer: Answer) => void,
  failed: (error: unknown) => void,
): () => void {
  let isOpen = true;
  const cancelTimeout = after(TOKEN_MS_MAX, () =>
    settle(() => failed(new Error("it took too long"))),
  );
  void start();
  return withdraw;

  async function start(): Promise<void> {
    // Not before the caller is done: a token function may want to look at what it made.
    await Promise.resolve();
    if (!isOpen) return;
    await question().then(
      (answer) => settle(() => answered(answer)),
      (error: unknown) => settle(() => failed(error)),
    );
  }

  function settle(tell: () => void): void {
    if (!isOpen) return;
    withdraw();
    tell();
  }

  function withdraw(): void {
    isOpen = false;
    cancelTimeout();
  }
}
