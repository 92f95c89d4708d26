/** The page at /: who is in this room, live. Puts the parts of the page together. */

import type { RoomClient, TokenSource } from "../../client/index.ts";
import { watchCopy } from "../shared/copy-button.ts";
import { find, setText } from "../shared/element.ts";
import { addressOf, nameInAddress, roomInAddress } from "./address.ts";
import { moveCursor } from "./cursors.ts";
import {
  enterByName,
  focusSignIn,
  showSignIn,
  suggestedName,
  suggestName,
  watchSignIn,
} from "./sign-in.ts";
import { watchPointer } from "./pointer.ts";
import { freeName, openBeside } from "./second-window.ts";
import { RoomSession } from "./room-session.ts";
import { enableTextBox, focusTextBox, watchTextBox } from "./text-box.ts";

const PROBLEM_MS = 8_000;

const roomName = find("room-name", HTMLElement);
const roomBox = find("room-input", HTMLInputElement);
const leave = find("leave", HTMLButtonElement);
const again = find("again", HTMLButtonElement);
const areaHelp = find("area-help", HTMLElement);
const problem = find("problem", HTMLElement);
const hint = find("hint", HTMLElement);

const session = new RoomSession(show, showProblem);
let forgetting = 0;
/** Whether the user has signed in: the page is in the room under a name, connected or not. */
let isIn = false;

function show(room: RoomClient): void {
  const { status, members, view } = room;
  const isOver = status === "closed";
  again.hidden = !isOver;
  leave.hidden = !isIn || isOver;
  showSignIn(isIn && !isOver);
  enableTextBox(isIn && !isOver, session.canSend);
  setText(areaHelp, areaWords(session.canSend));
  document.title = `${view.count + view.lurkers} in ${room.room} · durable-presence`;
  if (status === "here") suggestName(freeName(members));
}

function areaWords(canSend: boolean): string {
  if (!canSend) return "Come in, and others see your pointer here.";
  return "Others see your pointer here. By keyboard: arrow keys, Enter.";
}

function showProblem(words: string): void {
  clearTimeout(forgetting);
  problem.hidden = words === "";
  setText(problem, words);
  if (words !== "") forgetting = setTimeout(showProblem, PROBLEM_MS, "");
}

function enter(token?: TokenSource, name = ""): void {
  const room = roomInAddress();
  isIn = token !== undefined;
  history.replaceState(null, "", addressOf(room, name));
  setText(roomName, room);
  showProblem("");
  try {
    session.enter(room, token);
  } catch (error) {
    showProblem(error instanceof Error ? error.message : String(error));
  }
}

function enterAs(token: TokenSource, name: string): void {
  enter(token, name);
  focusTextBox();
}

function goTo(room: string): void {
  // A token for one room may not be good for another: ask for the next one.
  const name = nameInAddress();
  history.pushState(null, "", addressOf(room, name));
  void arrive();
}

/**
 * Signs in where the address has a name and the service makes a token; otherwise joins anonymously.
 */
async function arrive(): Promise<void> {
  const [room, name] = [roomInAddress(), nameInAddress()];
  // While the token is fetched the user may go to another room; then that one counts.
  const isStill = () => roomInAddress() === room;
  setText(roomName, room);
  const hasToken = await enterByName(name, room, (token) => isStill() && enter(token, name));
  if (!hasToken && isStill()) enter(undefined, name);
}

watchSignIn(roomInAddress, enterAs);
watchTextBox({
  send: (text) => session.send({ type: "text", text }),
  typing: (isTyping) => isIn && session.room?.setState(isTyping ? { typing: true } : null),
});
watchPointer(
  (message) => session.send(message),
  (position) => {
    const { channel, user } = session.room?.self ?? {};
    if (channel && user) moveCursor(channel, user, position);
  },
);
watchCopy(find("copy", HTMLButtonElement), find("code", HTMLElement));

for (const button of [leave, again]) {
  button.addEventListener("click", () => {
    enter();
    focusSignIn();
  });
}
find("room-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(roomBox.value);
  roomBox.value = "";
});
find("second-window", HTMLButtonElement).addEventListener("click", () => {
  const first = isIn ? "" : suggestedName();
  const name = suggestedName() === "" && !isIn ? "" : freeName(session.room?.members ?? [], first);
  const isOpen = openBeside(roomInAddress(), name);
  hint.hidden = isOpen;
  setText(
    hint,
    isOpen ? "" : "The browser did not open a window: allow it, or open this page once more.",
  );
  // Both windows sign in, so that each sees the other.
  if (first !== "") void enterByName(first, roomInAddress(), enterAs);
});
// Also where only the hash has changed.
addEventListener("popstate", () => {
  if (roomInAddress() !== session.room?.room) void arrive();
});

void arrive();
