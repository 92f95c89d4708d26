/** What the service says, by the names that the commands have for it. */

import * as v from "valibot";
import {
  CountFrame,
  DiffFrame,
  ErrorFrame,
  SyncFrame,
  WelcomeFrame,
} from "../core/server-frames.ts";

export {
  type Attendance,
  AttendanceList as AttendancePage,
  ErrorAnswer,
  EventList as EventPage,
  Occupants,
  PresenceList as PresencePage,
  PruneResult as PrunedPresences,
  PruneRoomsResult as RemovedRooms,
  ReplayResult as Replayed,
  RoomList as RoomPage,
  RoomNames,
  RoomStats as Stats,
  SendResult as Connections,
  SweepResult as PrunedEverywhere,
  WebhookTest as WebhookTested,
  Whereabouts,
} from "../core/http-shapes.ts";
export { ListedPresence } from "../core/presence.ts";
export { type RoomEvent } from "../core/room-events.ts";

/** Frames of view `diff` that tell who is in the room, or why not. */
export const WatchedFrame = v.variant("type", [
  WelcomeFrame,
  SyncFrame,
  DiffFrame,
  CountFrame,
  ErrorFrame,
]);
export type WatchedFrame = v.InferOutput<typeof WatchedFrame>;
