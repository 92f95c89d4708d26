/** A room with a long log is asked what happened: a page of events, and who was there at a moment. */

import pMap from "p-map";
import * as v from "valibot";
import type { Figure } from "../figures.ts";
import type { Server } from "../server.ts";
import { adminToken } from "../tokens.ts";
import { atMost, type Outcome, type Workload } from "../workload.ts";

/** Each channel comes and goes: a presence and its member, in and out. */
const EVENTS_PER_CHANNEL = 4;
const CALLS_AT_ONCE = 16;
const QUESTIONS = 20;
const PAGE = 1_000;

const Page = v.object({ events: v.array(v.object({ at: v.number() })) });

async function history(server: Server, n: number): Promise<Outcome> {
  const headers = {
    authorization: `Bearer ${await adminToken()}`,
    "content-type": "application/json",
  };
  const room = `http://127.0.0.1:${server.port}/rooms/history`;
  const problems: string[] = [];
  const ask = async (url: string, init: { method?: string; body?: string } = {}) => {
    const response = await fetch(url, { ...init, headers });
    const text = await response.text();
    if (!response.ok) problems.push(`${url} answered ${response.status}: ${text}`);
    return text;
  };
  const channels = Array.from({ length: n / EVENTS_PER_CHANNEL }, (_, index) => `channel-${index}`);
  const put = (channel: string) =>
    ask(`${room}/presences/${channel}`, {
      method: "PUT",
      body: JSON.stringify({ user: { id: channel, name: `The user of ${channel}` } }),
    });
  await pMap(channels, put, { concurrency: CALLS_AT_ONCE });
  const filledAt = Date.now();
  const remove = (channel: string) => ask(`${room}/presences/${channel}`, { method: "DELETE" });
  await pMap(channels, remove, { concurrency: CALLS_AT_ONCE });
  await server.rest();

  const median = async (url: string) => {
    const times: number[] = [];
    for (let question = 0; question < QUESTIONS; question += 1) {
      const askedAt = performance.now();
      // One after the other, or they would wait for each other.
      // oxlint-disable-next-line no-await-in-loop
      await ask(url);
      times.push(performance.now() - askedAt);
    }
    return times.toSorted((a, b) => a - b)[QUESTIONS / 2] ?? NaN;
  };
  const figures: Partial<Record<Figure, number>> = {
    // Half of the log back from now.
    atMs: await median(`${room}?at=${filledAt}`),
    pageMs: await median(`${room}/events?limit=${PAGE}`),
    attendanceMs: await median(`${room}/attendance?limit=${PAGE}`),
  };
  const { events } = v.parse(Page, JSON.parse(await ask(`${room}/events?limit=${PAGE}`)));
  if (events.length < Math.min(PAGE, n)) problems.push(`a page has ${events.length} events`);
  return { figures, problems };
}

export const HISTORY: Workload = {
  name: "history",
  title: "A room whose log has so many events is asked over HTTP what happened, with nobody in it",
  targets: ["ours"],
  n: 10_000,
  quickN: 400,
  runs: 3,
  vars: { PRESENCE_HISTORY: "3600", PRESENCE_MAX_AGE: "3600" },
  goals: [
    atMost(200, { text: "who was there at a moment in at most 200 ms", figure: "atMs" }),
    atMost(200, { text: "a page of 1,000 events in at most 200 ms", figure: "pageMs" }),
  ],
  run: history,
};
