/** A receiver of webhooks that fails now and then, and mirrors what it has stored. */

import { setTimeout as delay } from "node:timers/promises";
import { type Answer, type Call, lost, ok, status } from "../../support/receiver.ts";
import type { Mirror, Told } from "../mirror.ts";
import { Random } from "../random.ts";
import type { Tally } from "../tally.ts";

/** How it may fail, and whether it has stored what came all the same. */
const FAILURES: readonly { readonly kind: string; readonly isTaken: boolean; answer: Answer }[] = [
  { kind: "a receiver says 500", isTaken: false, answer: status(500) },
  {
    kind: "a receiver says 429",
    isTaken: false,
    answer: status(429, { "retry-after": "1" }),
  },
  {
    kind: "a receiver redirects",
    isTaken: false,
    answer: status(302, { location: "/elsewhere" }),
  },
  { kind: "a receiver cuts the line", isTaken: false, answer: lost },
  { kind: "a receiver that has it says 503", isTaken: true, answer: status(503) },
  { kind: "a receiver that has it cuts the line", isTaken: true, answer: lost },
];

/** One call in so many fails, never two in a row of one room: then the next attempt comes within 6 s. */
const FAILS_ONCE_IN = 3;
const IS_SLOW_ONCE_IN = 5;
const SLOW_MS = 500;

type Failing = { readonly random: Random; readonly tally: Tally; readonly mirror: Mirror };

export function failing({ random: chance, tally, mirror }: Failing): Answer {
  // Of its own: when calls come is no part of what a seed decides.
  const random = new Random(chance.below(2 ** 32));
  let hasFailed = false;
  return (response, call) => {
    const failure = !hasFailed && random.isOnce(FAILS_ONCE_IN) ? random.pick(FAILURES) : null;
    hasFailed = failure !== null;
    if (failure) tally.fault(failure.kind, call.id);
    mirror.note(() => {
      if (failure?.isTaken === false) mirror.hear(toldBy(call));
      else mirror.take(toldBy(call));
    });
    const answer = () => (failure?.answer ?? ok)(response, call);
    if (random.isOnce(IS_SLOW_ONCE_IN)) void delay(SLOW_MS).then(answer);
    else answer();
  };
}

function toldBy({ id, text, body }: Call): Told {
  return { id, text, events: body.data.events };
}
