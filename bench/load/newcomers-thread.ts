/** The thread of the newcomers: opens their sockets, takes the time, and looks at what they were told afterwards. */

import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Connection } from "./connection.ts";
import { effectOf } from "./effects.ts";
import type { Arrivals, Arrived } from "./newcomers.ts";

/** Says who somebody is, not who is there. */
const WELCOME = Buffer.from('{"type":"welcome"');

/** Nobody who is measured waits so long. */
const WAIT_MS_MAX = 60_000;

class Newcomer {
  readonly user: string;
  readonly connection: Connection;
  readonly #areGreeted: boolean;
  #openedAt: number | null = null;
  #firstAt: number | null = null;
  #first = "";
  #hasLeft = false;
  #isLost = false;

  constructor({ path, user }: Arrivals["newcomers"][number], { port, areGreeted }: Arrivals) {
    this.user = user;
    this.#areGreeted = areGreeted;
    this.connection = new Connection(port, path, {
      opened: () => {
        this.#openedAt = performance.now();
      },
      heard: (payload) => this.#hear(payload, performance.now()),
      ended: () => {
        this.#isLost ||= !this.#hasLeft;
      },
    });
  }

  get hasCome(): boolean {
    return (this.#areGreeted ? this.#firstAt : this.#openedAt) !== null;
  }

  leave(): void {
    this.#hasLeft = true;
    this.connection.close();
  }

  get wait(): Arrived["waits"][number] {
    const { requestedAt } = this.connection;
    return {
      handshakeMs: (this.#openedAt ?? Infinity) - requestedAt,
      firstMs: this.#firstAt === null ? null : this.#firstAt - requestedAt,
    };
  }

  /** What is wrong with its first frame, or with its end. */
  problems(residents: number, newcomers: number): string[] {
    if (this.#isLost) return ["a newcomer's socket was dropped"];
    if (!this.hasCome) return ["a newcomer was not greeted"];
    if (!this.#areGreeted) return [];
    const { problem, isWhole, counted, joins } = effectOf(this.#first);
    if (problem !== null) return [problem];
    const count = counted ?? joins.length;
    if (count <= residents || count > residents + newcomers) {
      return [`a newcomer to ${residents} was told of ${count}`];
    }
    const isNamed = counted !== null || joins.some(({ user }) => user === this.user);
    return isNamed && (isWhole || counted !== null) ? [] : ["a newcomer is not in its own list"];
  }

  #hear(payload: Buffer, at: number): void {
    if (this.#firstAt !== null || payload.subarray(0, WELCOME.length).equals(WELCOME)) return;
    this.#firstAt = at;
    this.#first = payload.toString();
  }
}

async function comeAndGo(arrivals: Arrivals): Promise<Newcomer[]> {
  const { newcomers, everyMs } = arrivals;
  const all: Newcomer[] = [];
  const staying = new Set<Newcomer>();
  const leaveOne = () => {
    const next = [...staying].find(({ hasCome }) => hasCome);
    if (next) staying.delete(next);
    next?.leave();
  };
  const beganAt = performance.now();
  const until = (ms: number) => delay(Math.max(0, beganAt + ms - performance.now()));
  for (const [index, who] of newcomers.entries()) {
    const newcomer = new Newcomer(who, arrivals);
    all.push(newcomer);
    staying.add(newcomer);
    // oxlint-disable-next-line no-await-in-loop
    await until((index + 0.5) * everyMs);
    leaveOne();
    // oxlint-disable-next-line no-await-in-loop
    await until((index + 1) * everyMs);
  }
  for (let turn = 0; staying.size > 0 && turn < WAIT_MS_MAX / everyMs; turn += 1) {
    leaveOne();
    // oxlint-disable-next-line no-await-in-loop
    await delay(everyMs);
  }
  return all;
}

// SAFETY: it was put there by newcomers.ts, which says what it is.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const arrivals = workerData as Arrivals;
const { residents, newcomers } = arrivals;
const all = await comeAndGo(arrivals);
const problems = all.flatMap((newcomer) => newcomer.problems(residents, newcomers.length));
const arrived: Arrived = { waits: all.map(({ wait }) => wait), problems: [...new Set(problems)] };
// Between threads there are no origins.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(arrived);
