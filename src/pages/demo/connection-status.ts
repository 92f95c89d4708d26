/** The state of the connection, in words. */

import type { RoomView } from "../../client/index.ts";
import { find, setText } from "../shared/element.ts";
import { nameOf } from "../shared/face.ts";
import { clock } from "../shared/format.ts";

const line = find("status", HTMLElement);
const card = find("room-card", HTMLElement);

/** Shows it. The line is a live region, so nothing in it ticks. */
export function showStatus(view: RoomView): void {
  line.dataset["status"] = view.status;
  setText(line, wordsOf(view));
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
      return `Closed: ${reason?.message ?? "the session has ended"}`;
  }
}
