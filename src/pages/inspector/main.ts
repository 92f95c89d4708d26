/** The page at /inspector: a token first, then rooms, then what is in one of them. The token is kept in memory alone. */

import { part, say } from "../shared/element.ts";
import { RoomPage } from "./answers.ts";
import { Api, ApiError } from "./api.ts";
import { watchLog } from "./log.ts";
import { RoomList } from "./room-list.ts";
import { RoomPanel } from "./room-panel.ts";

const gate = part("gate", HTMLElement);
const gateProblem = part("gate-problem", HTMLElement);
const gateButton = part("open", HTMLButtonElement);
const tokenForm = part("token-form", HTMLFormElement);
const tokenBox = part("token", HTMLInputElement);
const desk = part("desk", HTMLElement);
const roomsProblem = part("rooms-problem", HTMLElement);
const prefix = part("prefix", HTMLInputElement);
const panelEmpty = part("panel-empty", HTMLElement);
const panelBody = part("panel-body", HTMLElement);

type Desk = { readonly api: Api; readonly list: RoomList; panel?: RoomPanel };

let opened: Desk | undefined;

/** Tries the token before anything is shown: what is wrong with it is said where it was given. */
async function open(token: string): Promise<void> {
  const api = new Api(token);
  complain(gateProblem, "");
  gateButton.disabled = true;
  try {
    await api.call(RoomPage, "GET", "rooms?limit=1");
  } catch (error) {
    complain(gateProblem, wordsOf(error));
    tokenBox.select();
    return;
  } finally {
    gateButton.disabled = false;
  }
  tokenForm.reset();
  gate.hidden = true;
  desk.hidden = false;
  opened = { api, list: new RoomList(api, { choose, failed: showRoomsError }) };
  prefix.focus();
}

/** Forgets the token and all that it showed. */
function close(why: string): void {
  opened?.list.stop();
  opened?.panel?.stop();
  opened = undefined;
  desk.hidden = true;
  panelBody.hidden = true;
  panelEmpty.hidden = false;
  gate.hidden = false;
  complain(gateProblem, why);
  tokenBox.focus();
}

function choose(room: string): void {
  if (!opened) return;
  opened.panel?.stop();
  delete opened.panel;
  try {
    opened.panel = new RoomPanel(opened.api, room, (error) => close(error.message));
  } catch (error) {
    complain(roomsProblem, wordsOf(error));
    return;
  }
  opened.list.mark(room);
  panelEmpty.hidden = true;
  panelBody.hidden = false;
  part("panel", HTMLElement).focus({ preventScroll: matchMedia("(min-width: 56rem)").matches });
}

function showRoomsError(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) close(error.message);
  else complain(roomsProblem, error === null ? "" : wordsOf(error));
}

function complain(element: HTMLElement, words: string): void {
  element.hidden = words === "";
  say(element, words);
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

watchLog();
tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  void open(tokenBox.value.trim());
});
part("prefix-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (prefix.value !== "") choose(prefix.value);
});
part("forget", HTMLButtonElement).addEventListener("click", () => close(""));
