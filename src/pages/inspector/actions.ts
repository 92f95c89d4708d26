/** The forms for what an operator can do in a room. The result is shown as a sentence. */

import type { Json } from "../../core/json.ts";
import { find } from "../shared/element.ts";
import { counted } from "../shared/format.ts";
import { ListedPresence, Nothing, Pruned, Sent } from "./answers.ts";
import { type Api, roomPath } from "./api.ts";
import { addBot } from "./thinking-bot.ts";

export type ActionContext = {
  readonly api: Api;
  readonly room: string;
  /** Does something that may fail, and shows the sentence that it returns. */
  readonly attempt: (work: () => Promise<string>) => void;
  readonly signal: AbortSignal;
};

/** Connects the forms to one room, until `signal` is aborted. */
export function watchActions(context: ActionContext): void {
  const { api, room, attempt, signal } = context;
  onSubmit("add-form", signal, (form) => {
    const [channel, id] = [fieldOf(form, "channel"), fieldOf(form, "id").trim()];
    const [state, ttl] = [fieldOf(form, "state"), fieldOf(form, "ttl")];
    const given = {
      user: id === "" ? null : { id },
      ...(state !== "" && { state: payloadOf(state) }),
      ...(ttl !== "" && { ttl: Number(ttl) }),
    };
    attempt(async () => {
      await api.call(ListedPresence, "PUT", roomPath(room, "presences", channel), given);
      form.reset();
      return `Added ${channel}.`;
    });
  });
  find("add-bot", HTMLButtonElement).addEventListener("click", () => addBot(context), { signal });
  onSubmit("send-form", signal, (form) => {
    const payload = payloadOf(fieldOf(form, "payload"));
    attempt(async () => {
      const path = roomPath(room, "messages");
      const { connections } = await api.call(Sent, "POST", path, { payload });
      form.reset();
      return `Sent to ${counted(connections, "connection")}.`;
    });
  });
  onSubmit("prune-form", signal, (form) => {
    const seconds = Number(fieldOf(form, "age"));
    attempt(async () => {
      const path = roomPath(room, "prune");
      const { pruned } = await api.call(Pruned, "POST", path, { age: seconds });
      return `Pruned ${counted(pruned.length, "presence")} not seen for ${counted(seconds, "second")}.`;
    });
  });
}

export async function removePresence(api: Api, room: string, channel: string): Promise<string> {
  await api.call(Nothing, "DELETE", roomPath(room, "presences", channel));
  return `Removed ${channel}.`;
}

function onSubmit(id: string, signal: AbortSignal, submit: (form: HTMLFormElement) => void): void {
  const form = find(id, HTMLFormElement);
  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      submit(form);
    },
    { signal },
  );
}

function fieldOf(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value : "";
}

/** JSON where it is some, otherwise the text itself. */
function payloadOf(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
