/**
 * What happens in a room: the newest 200 lines. Not a live region: it would never stop speaking.
 */

import type { Frame } from "../../client/server-frames.ts";
import { untrusted, create, find } from "../shared/element.ts";
import { nameOf } from "../shared/face.ts";
import { clock, counted } from "../shared/format.ts";
import type { RoomPresences } from "../../client/presence-reducer.ts";

const LINES_MAX = 200;
/** A storm of joins is one frame with thousands of them. */
const CHANGES_MAX = 20;
const TEXT_LENGTH_MAX = 300;

type Kind = "join" | "leave" | "state" | "status" | "message" | "list" | "error";

const view = find("log-view", HTMLElement);
const log = find("log", HTMLElement);
const pause = find("pause", HTMLButtonElement);
const messages = find("log-messages", HTMLInputElement);
let waiting: HTMLElement[] = [];

export function watchLog(): void {
  find("clear", HTMLButtonElement).addEventListener("click", clearLog);
  pause.addEventListener("click", () => {
    const isPaused = pause.ariaPressed !== "true";
    pause.ariaPressed = String(isPaused);
    pause.textContent = isPaused ? "Go on" : "Pause";
    if (!isPaused) flush();
  });
}

export function clearLog(): void {
  waiting = [];
  log.replaceChildren();
}

/** Logs a frame. `before` is who was in the room until then: leaves have channel names only. */
export function logFrame(frame: Frame, before: RoomPresences): void {
  const lines = linesOf(frame, before);
  if (lines.length === 0) return;
  if (waiting.length === 0 && pause.ariaPressed !== "true") requestAnimationFrame(flush);
  const rest = lines.length - CHANGES_MAX;
  waiting.push(...lines.slice(0, CHANGES_MAX));
  if (rest > 0) waiting.push(line("list", "", `and ${counted(rest, "more change")}`));
  waiting = waiting.slice(-LINES_MAX);
}

function flush(): void {
  if (pause.ariaPressed === "true") return;
  const isAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
  log.append(...waiting);
  waiting = [];
  while (log.childElementCount > LINES_MAX) log.firstElementChild?.remove();
  if (isAtEnd) view.scrollTop = view.scrollHeight;
}

function linesOf(frame: Frame, { presences }: RoomPresences): HTMLElement[] {
  switch (frame.type) {
    case "welcome":
      return [];
    case "sync":
      return [
        line(
          "list",
          "",
          `${counted(frame.presences.length, "presence")}, ${counted(frame.lurkers, "lurker")}`,
        ),
      ];
    case "count":
      return [
        line(
          "list",
          "",
          `${counted(frame.members, "member")}, ${counted(frame.lurkers, "lurker")}; too many for names`,
        ),
      ];
    case "diff": {
      const who = (channel: string) => nameIn(presences.get(channel)?.user ?? null, channel);
      return [
        ...frame.joins.map(({ user, channel }) => line("join", nameIn(user, channel), channel)),
        ...frame.updates.map(({ channel, state }) =>
          line("state", who(channel), JSON.stringify(state)),
        ),
        ...(frame.statuses ?? []).map(({ channel, status }) =>
          line("status", who(channel), status),
        ),
        ...frame.leaves.map(({ channel, reason }) =>
          line("leave", who(channel), `${reason}, ${channel}`),
        ),
      ];
    }
    case "messages":
      if (!messages.checked) return [];
      return frame.messages.map(({ from, payload }) =>
        line(
          "message",
          from ? nameIn(from.user, from.channel) : "a server",
          JSON.stringify(payload),
        ),
      );
    case "error":
      return [line("error", frame.code, frame.message)];
  }
}

function nameIn(user: Parameters<typeof nameOf>[0] | null, channel: string): string {
  return user ? nameOf(user) : channel;
}

function line(kind: Kind, who: string, text: string): HTMLElement {
  const cut = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
  const time = create("time", "", clock(Date.now()));
  return create(
    "li",
    "",
    time,
    " ",
    create("span", `kind is-${kind}`, kind),
    " ",
    untrusted(who, "by"),
    " ",
    untrusted(cut, "mono"),
  );
}
