/** The state of the connection, in words. */

import type { RoomView } from "../../client/index.ts";
import { part, say } from "../shared/element.ts";
import { nameOf } from "../shared/face.ts";
import { clock } from "../shared/words.ts";

const line = part("status", HTMLElement);
const card = part("room-card", HTMLElement);

/** Shows it. The line is a live region, so nothing in it ticks. */
export function showConnection(view: RoomView): void {
  line.dataset["status"] = view.status;
  say(line, wordsOf(view));
  card.classList.toggle("stale", view.stale);
}

function wordsOf({ status, reason, self, staleSince }: RoomView): string {
  switch (status) {
    case "connecting":
      return reason ? `Not connected yet: ${reason.message}. Trying again…` : "Connecting…";
    case "here":
      return self?.user ? `Here as ${nameOf(self.user)}` : "Here, looking on";
    case "reconnecting":
      return `Reconnecting… last known at ${clock(staleSince ?? Date.now())}`;
    case "closed":
      return `Closed: ${reason?.message ?? "the stay has ended"}`;
  }
}
