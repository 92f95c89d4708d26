/**
 * A receiver of webhooks as a Worker of its own, for tests inside the runtime: whatever they post goes over to it. It
 * notes every call, and fails as often as it was told, by a seed. `GET /calls` takes what was noted.
 */

/** @typedef {{ headers: Record<string, string>, text: string, status: number | null, isTaken: boolean }} Noted */

/** How it may fail; whether it has stored what came all the same; and what it answers, `null` for nothing. */
const FAILURES = [
  { isTaken: false, status: 500 },
  { isTaken: false, status: 429, headers: { "retry-after": "6" } },
  { isTaken: false, status: 302, headers: { location: "https://receiver.test/elsewhere" } },
  { isTaken: false, status: null },
  { isTaken: true, status: 503 },
  { isTaken: true, status: null },
];

const IN_A_ROW_MAX = 3;
const HANG_MS = 100;

/** @type {Noted[]} */
let calls = [];
/** How often it fails: never at 0, always at 1. @type {{ seed: number, failing: number, answer?: number }} */
let plan = { seed: 1, failing: 0 };
/** Failures in a row, by room. @type {Map<string, number>} */
const failures = new Map();

/** From 0 up to 1: mulberry32, whose state is the seed. */
function random() {
  plan.seed = (plan.seed + 0x6d2b79f5) >>> 0;
  let bits = plan.seed;
  bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
}

/** @param {string} text */
function answerTo(text) {
  if (plan.answer !== undefined) return { isTaken: plan.answer < 300, status: plan.answer };
  const room = JSON.parse(text).data.events[0]?.room ?? "";
  const before = failures.get(room) ?? 0;
  const isFailing = before < IN_A_ROW_MAX && random() < plan.failing;
  failures.set(room, isFailing ? before + 1 : 0);
  return isFailing
    ? FAILURES[Math.floor(random() * FAILURES.length)]
    : { isTaken: true, status: 204 };
}

/** @param {Request} request */
async function receive(request) {
  const text = await request.text();
  const { isTaken, status, headers } = answerTo(text);
  if (random() < 0.2) await scheduler.wait(HANG_MS);
  calls.push({ headers: Object.fromEntries(request.headers), text, status, isTaken });
  if (status === null) throw new Error("the line was cut");
  return new Response(null, { status, headers });
}

export default {
  /** @param {Request} request */
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/plan") {
      plan = await request.json();
      return new Response(null, { status: 204 });
    }
    if (pathname === "/calls") {
      const noted = calls;
      calls = [];
      return Response.json(noted);
    }
    return receive(request);
  },
};
