/**
 * The way in: a name, where the Worker runs on this machine and makes tokens for the asking; a token everywhere
 * else. Whatever it is stays in this page's memory.
 */

import type { TokenSource } from "../../client/index.ts";
import { part, say } from "../shared/element.ts";
import { IS_LOCAL } from "./address.ts";
import { NoTokens, tokenSource } from "./token.ts";

const entrance = part("entrance", HTMLElement);
const nameForm = part("name-form", HTMLFormElement);
const nameBox = part("name", HTMLInputElement);
const tokenForm = part("token-form", HTMLFormElement);
const tokenBox = part("token", HTMLInputElement);
const problem = part("entrance-problem", HTMLElement);

/** Comes in; the name is "" where only the token knows it. */
type Enter = (token: TokenSource, name: string) => unknown;

let canMint = IS_LOCAL;

export function watchEntrance(room: () => string, enter: Enter): void {
  nameForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void enterByName(nameBox.value, room(), enter);
  });
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = tokenBox.value.trim();
    tokenForm.reset();
    complain("");
    enter(token, "");
  });
  chooseForm();
}

/**
 * Comes in by a name alone; returns whether it could. Where there are no tokens for the asking, the form for a
 * token takes the place of that for a name.
 */
export async function enterByName(name: string, room: string, enter: Enter): Promise<boolean> {
  const known = name.trim();
  nameBox.value = known;
  if (!canMint || known === "") return false;
  nameForm.ariaBusy = "true";
  try {
    const token = await tokenSource(known, room);
    complain("");
    enter(token, known);
    return true;
  } catch (error) {
    canMint = !(error instanceof NoTokens);
    chooseForm();
    if (canMint) complain(`There is no token: ${error instanceof Error ? error.message : "?"}`);
    else tokenBox.focus();
    return false;
  } finally {
    nameForm.ariaBusy = null;
  }
}

export function showEntrance(isIn: boolean): void {
  entrance.hidden = isIn;
}

/** A name for the box where there is none yet, and nobody is about to write one. */
export function suggestName(name: string): void {
  if (nameBox.value === "" && document.activeElement !== nameBox) nameBox.value = name;
}

export function focusEntrance(): void {
  (canMint ? nameBox : tokenBox).focus();
}

export function suggestedName(): string {
  return canMint ? nameBox.value : "";
}

function chooseForm(): void {
  nameForm.hidden = !canMint;
  tokenForm.hidden = canMint;
}

function complain(words: string): void {
  problem.hidden = words === "";
  say(problem, words);
}
