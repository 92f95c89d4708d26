/** `room --watch`: follows a room over its socket, without being in it, until Ctrl-C. */

import { setTimeout as delay } from "node:timers/promises";
import { Api, roomPath } from "./api.ts";
import { Failure } from "./failure.ts";
import { LiveRoom } from "./live-room.ts";
import { framesView, linesView, type LiveView, TableView } from "./live-view.ts";
import { Occupants } from "./shapes.ts";
import type { Target } from "./target.ts";
import { type End, WatchSocket } from "./watch-socket.ts";

/** Before the n-th attempt to connect again: a random part of 2ⁿ times this … */
const RETRY_MS = 500;
/** … and never more than this. */
const RETRY_MS_MAX = 5_000;
/** A connection that lived for so long was a good one: the next loss counts as the first. */
const STABLE_MS = 10_000;

export async function watchRoom(
  target: Target,
  name: string,
  { isJson }: { isJson: boolean },
): Promise<void> {
  if (typeof WebSocket !== "function") {
    throw new Failure(
      `--watch needs Node 22 or newer, and this is ${process.version}; without --watch the command works here too`,
    );
  }
  const path = roomPath(name);
  // A refused socket does not tell why it was; this call does, and it wants the same permission.
  await new Api(target).get(Occupants, path);
  const room = new LiveRoom();
  const view = viewOf(name, room, isJson);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  try {
    await followRoom(`${target.url.replace(/^http/, "ws")}${path}/ws?view=diff&watch=1`, {
      token: () => target.token(),
      signal: stop.signal,
      room,
      view,
    });
  } finally {
    view.close();
  }
}

type Following = {
  readonly token: () => Promise<string>;
  readonly signal: AbortSignal;
  readonly room: LiveRoom;
  readonly view: LiveView;
};

async function followRoom(url: string, { token, signal, room, view }: Following): Promise<void> {
  let losses = 0;
  /* oxlint-disable no-await-in-loop -- one connection at a time */
  while (!signal.aborted) {
    const startedAt = Date.now();
    const socket = new WatchSocket(url, await token(), {
      onFrame(said, frame) {
        if (frame?.type === "welcome") view.notice(null);
        view.show(said, frame === null ? [] : room.apply(frame));
      },
    });
    const end = await socket.ended(signal);
    if (signal.aborted) return;
    if (isFinal(end)) throw new Failure(`the server closed the connection: ${end.why}`);
    losses = Date.now() - startedAt > STABLE_MS ? 1 : losses + 1;
    const ms = Math.random() * Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** losses);
    view.notice(`not connected (${end.why}); trying again in ${(ms / 1_000).toFixed(1)} s`);
    // Rejects where the wait is ended by Ctrl-C; the loop sees that by itself.
    await delay(ms, undefined, { signal }).catch(() => {});
  }
  /* oxlint-enable no-await-in-loop */
}

/** 4000–4099: do not come back. */
function isFinal({ code }: End): boolean {
  return code >= 4000 && code < 4100;
}

function viewOf(name: string, room: LiveRoom, isJson: boolean): LiveView {
  if (isJson) return framesView();
  const isTerminal = process.stdout.isTTY && process.env["TERM"] !== "dumb";
  return isTerminal ? new TableView(name, room) : linesView();
}
