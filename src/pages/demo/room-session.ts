/** The page's stay in one room at a time, and what happens there handed to those parts of the page that show it. */

import {
  joinRoom,
  type RoomClient,
  type RoomMessage,
  type TokenSource,
} from "../../client/index.ts";
import { SERVICE } from "./address.ts";
import { showConnection } from "./connection.ts";
import { clearCursors, keepCursors, moveCursor, showRipple } from "./cursors.ts";
import { clearLane, showNews, showText } from "./chat-log.ts";
import { showPeople } from "./people.ts";
import { payloadOf, type Signal, signalOf } from "./signal.ts";

/** How somebody went, by the reasons that the client knows. */
const GOINGS: Partial<Record<string, string>> = {
  lost: "lost the connection",
  expired: "went silent",
  removed: "was removed",
};

type Entered = { readonly room: RoomClient; readonly end: () => void };

export class Stay {
  readonly #changed: (room: RoomClient) => void;
  readonly #failed: (message: string) => void;
  #entered: Entered | undefined;

  /** @param changed there is something new to know of the room; @param failed something was refused, in words */
  constructor(changed: (room: RoomClient) => void, failed: (message: string) => void) {
    this.#changed = changed;
    this.#failed = failed;
  }

  get room(): RoomClient | undefined {
    return this.#entered?.room;
  }

  /** Whether the page is in the room with a name, and connected. */
  get canSpeak(): boolean {
    const { room } = this;
    return room?.status === "here" && Boolean(room.self?.user);
  }

  /** Goes to a room, and out of the one of before. Throws a TypeError where no address can name it. */
  enter(name: string, token?: TokenSource): void {
    const room = joinRoom({ url: SERVICE, room: name, token });
    this.#leave();
    clearLane();
    clearCursors();
    const ends = [
      room.subscribe(() => this.#show(room)),
      room.on("join", ({ user }) => showNews(user, "came")),
      room.on("leave", ({ member: { user }, reason }) => showNews(user, GOINGS[reason] ?? "left")),
      room.on("message", (message) => hear(room, message)),
      room.on("error", ({ message }) => room.status === "here" && this.#failed(message)),
    ];
    this.#entered = { room, end: () => ends.forEach((end) => end()) };
    this.#show(room);
  }

  /** Says something to everybody; returns whether it is on its way. Who only looks on says nothing. */
  tell(signal: Signal): boolean {
    return this.canSpeak && this.room?.send(payloadOf(signal)) === true;
  }

  #show(room: RoomClient): void {
    showConnection(room.view);
    showPeople(room.view);
    if (!room.namesHidden) keepCursors(room.members);
    this.#changed(room);
  }

  #leave(): void {
    this.#entered?.end();
    this.#entered?.room.leave();
  }
}

function hear(room: RoomClient, { from, payload }: RoomMessage): void {
  const signal = signalOf(payload);
  const text = signal?.type === "text" ? signal.text : null;
  if (from === null) return showText(null, text ?? JSON.stringify(payload), false);
  if (!signal || !from.user) return;
  const isOwn = from.channel === room.self?.channel;
  if (signal.type === "text") showText(from.user, signal.text, isOwn);
  else if (signal.type === "ripple") showRipple(from.user, signal.at);
  else if (!isOwn) moveCursor(from.channel, from.user, signal.at);
}
