/**
 * The session of this page in one room at a time; it calls the parts of the page that show what
 * happens there.
 */

import {
  joinRoom,
  type RoomClient,
  type RoomMessage,
  type TokenSource,
} from "../../client/index.ts";
import { SERVICE } from "./address.ts";
import { showStatus } from "./connection-status.ts";
import { clearCursors, keepCursors, moveCursor, showRipple } from "./cursors.ts";
import { clearChatLog, showNews, showText } from "./chat-log.ts";
import { showMembers } from "./member-list.ts";
import { type DemoMessage, decodeMessage } from "./demo-message.ts";

/** How to say that somebody left, by reason. */
const LEAVE_PHRASES: Partial<Record<string, string>> = {
  lost: "lost the connection",
  expired: "went silent",
  removed: "was removed",
};

type Entered = { readonly room: RoomClient; readonly end: () => void };

export class RoomSession {
  readonly #changed: (room: RoomClient) => void;
  readonly #failed: (message: string) => void;
  #entered: Entered | undefined;

  /**
   * @param changed called when the view of the room has changed
   * @param failed called when something was refused, with a message
   */
  constructor(changed: (room: RoomClient) => void, failed: (message: string) => void) {
    this.#changed = changed;
    this.#failed = failed;
  }

  get room(): RoomClient | undefined {
    return this.#entered?.room;
  }

  /** Whether the page is in the room with a name, and connected. */
  get canSend(): boolean {
    const { room } = this;
    return room?.status === "here" && Boolean(room.self?.user);
  }

  /** Joins a room, and leaves the one before. Throws a TypeError where no URL can name it. */
  enter(name: string, token?: TokenSource): void {
    const room = joinRoom({ url: SERVICE, room: name, token });
    this.#leave();
    clearChatLog();
    clearCursors();
    const ends = [
      room.subscribe(() => this.#show(room)),
      room.on("join", ({ user }) => showNews(user, "came")),
      room.on("leave", ({ member: { user }, reason }) =>
        showNews(user, LEAVE_PHRASES[reason] ?? "left"),
      ),
      room.on("message", (message) => showMessage(room, message)),
      room.on("error", ({ message }) => room.status === "here" && this.#failed(message)),
    ];
    this.#entered = { room, end: () => ends.forEach((end) => end()) };
    this.#show(room);
  }

  /**
   * Sends a message to everybody, and returns whether it was sent. Anonymous users send nothing.
   */
  send(message: DemoMessage): boolean {
    return this.canSend && this.room?.send(message) === true;
  }

  #show(room: RoomClient): void {
    showStatus(room.view);
    showMembers(room.view);
    if (!room.namesHidden) keepCursors(room.members);
    this.#changed(room);
  }

  #leave(): void {
    this.#entered?.end();
    this.#entered?.room.leave();
  }
}

function showMessage(room: RoomClient, { from, payload }: RoomMessage): void {
  const message = decodeMessage(payload);
  const text = message?.type === "text" ? message.text : null;
  if (from === null) return showText(null, text ?? JSON.stringify(payload), false);
  if (!message || !from.user) return;
  const isOwn = from.channel === room.self?.channel;
  if (message.type === "text") showText(from.user, message.text, isOwn);
  else if (message.type === "ripple") showRipple(from.user, message.at);
  else if (!isOwn) moveCursor(from.channel, from.user, message.at);
}
