/**
 * Signing in: by a name where the service runs on this machine and makes tokens, by a token
 * everywhere else. Either is kept in this page's memory alone.
 */

import type { TokenSource } from "../../client/index.ts";
import { find, setText } from "../shared/element.ts";
import { IS_LOCAL } from "./address.ts";
import { NoTokens, tokenSource } from "./token.ts";

const section = find("sign-in", HTMLElement);
const nameForm = find("name-form", HTMLFormElement);
const nameBox = find("name", HTMLInputElement);
const tokenForm = find("token-form", HTMLFormElement);
const tokenBox = find("token", HTMLInputElement);
const problem = find("sign-in-problem", HTMLElement);

/** Comes in; the name is "" where only the token knows it. */
type Enter = (token: TokenSource, name: string) => unknown;

let canMint = IS_LOCAL;

export function watchSignIn(room: () => string, enter: Enter): void {
  nameForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void enterByName(nameBox.value, room(), enter);
  });
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = tokenBox.value.trim();
    tokenForm.reset();
    showProblem("");
    enter(token, "");
  });
  chooseForm();
}

/**
 * Signs in with a name alone, and returns whether it could. Where the service makes no tokens, the
 * form for a token replaces the form for a name.
 */
export async function enterByName(name: string, room: string, enter: Enter): Promise<boolean> {
  const known = name.trim();
  nameBox.value = known;
  if (!canMint || known === "") return false;
  nameForm.ariaBusy = "true";
  try {
    const token = await tokenSource(known, room);
    showProblem("");
    enter(token, known);
    return true;
  } catch (error) {
    canMint = !(error instanceof NoTokens);
    chooseForm();
    if (canMint) showProblem(`There is no token: ${error instanceof Error ? error.message : "?"}`);
    else tokenBox.focus();
    return false;
  } finally {
    nameForm.ariaBusy = null;
  }
}

export function showSignIn(isIn: boolean): void {
  section.hidden = isIn;
}

/** A name for the box where there is none yet, and nobody is about to write one. */
export function suggestName(name: string): void {
  if (nameBox.value === "" && document.activeElement !== nameBox) nameBox.value = name;
}

export function focusSignIn(): void {
  (canMint ? nameBox : tokenBox).focus();
}

export function suggestedName(): string {
  return canMint ? nameBox.value : "";
}

function chooseForm(): void {
  nameForm.hidden = !canMint;
  tokenForm.hidden = canMint;
}

function showProblem(words: string): void {
  problem.hidden = words === "";
  setText(problem, words);
}
