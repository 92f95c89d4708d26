/** What the HTTP API answers, by the names that the inspector has for it. */

import * as v from "valibot";

export {
  type Attendance,
  AttendanceList as AttendancePage,
  EventList as EventPage,
  type ListedRoom,
  PresenceList as PresencePage,
  PruneResult as Pruned,
  RoomList as RoomPage,
  RoomStats,
  SendResult as Sent,
} from "../../core/http-shapes.ts";
export { ListedPresence } from "../../core/presence.ts";
export { type RoomEvent } from "../../core/room-events.ts";

export const Nothing = v.null();
