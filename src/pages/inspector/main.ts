/**
 * The page at /inspector: a token first, then the rooms, then one room. The token is kept in memory
 * only.
 */

import { find, setText } from "../shared/element.ts";
import { RoomPage } from "./answers.ts";
import { Api, ApiError } from "./api.ts";
import { watchLog } from "./event-log.ts";
import { RoomList } from "./room-list.ts";
import { RoomPanel } from "./room-panel.ts";

const gate = find("gate", HTMLElement);
const gateProblem = find("gate-problem", HTMLElement);
const gateButton = find("open", HTMLButtonElement);
const tokenForm = find("token-form", HTMLFormElement);
const tokenBox = find("token", HTMLInputElement);
const desk = find("desk", HTMLElement);
const roomsProblem = find("rooms-problem", HTMLElement);
const prefix = find("prefix", HTMLInputElement);
const panelEmpty = find("panel-empty", HTMLElement);
const panelBody = find("panel-body", HTMLElement);

type Desk = { readonly api: Api; readonly list: RoomList; panel?: RoomPanel };

let opened: Desk | undefined;

/** Tries the token before anything is shown, so that an error is shown beside it. */
async function open(token: string): Promise<void> {
  const api = new Api(token);
  showProblem(gateProblem, "");
  gateButton.disabled = true;
  try {
    await api.call(RoomPage, "GET", "rooms?limit=1");
  } catch (error) {
    showProblem(gateProblem, wordsOf(error));
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
  showProblem(gateProblem, why);
  tokenBox.focus();
}

function choose(room: string): void {
  if (!opened) return;
  opened.panel?.stop();
  delete opened.panel;
  try {
    opened.panel = new RoomPanel(opened.api, room, (error) => close(error.message));
  } catch (error) {
    showProblem(roomsProblem, wordsOf(error));
    return;
  }
  opened.list.mark(room);
  panelEmpty.hidden = true;
  panelBody.hidden = false;
  find("panel", HTMLElement).focus({ preventScroll: matchMedia("(min-width: 56rem)").matches });
}

function showRoomsError(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) close(error.message);
  else showProblem(roomsProblem, error === null ? "" : wordsOf(error));
}

function showProblem(element: HTMLElement, words: string): void {
  element.hidden = words === "";
  setText(element, words);
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
find("prefix-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (prefix.value !== "") choose(prefix.value);
});
find("forget", HTMLButtonElement).addEventListener("click", () => close(""));
