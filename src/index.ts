/** The Worker: the app as default, the objects' classes, and what an application of one's own builds on. */

import { env } from "cloudflare:workers";
import { app } from "./http/app.ts";
import { bindingsOf } from "./config/env.ts";
import { readSettings } from "./config/settings.ts";

// What is missing or out of range stops the start-up here, not the first visitor.
readSettings(bindingsOf(env));

export { app } from "./http/app.ts";
export { type AppEnv } from "./http/app-env.ts";
export { Channel } from "./objects/channel.ts";
export {
  type ChannelHolder,
  type OnClose,
  type OnMessage,
  removePresence,
  touchPresence,
} from "./api/decorators.ts";
export { type Bindings, type Env, type Limiter, type Variables } from "./config/env.ts";
export { Lobby } from "./objects/lobby.ts";
export { type Json, type JsonObject } from "./core/json.ts";
export { type ClosingCode } from "./core/close-codes.ts";
export { type CallErrorCode, type ErrorCode, type FrameErrorCode } from "./core/error-codes.ts";
export {
  type AttendanceOptions,
  type EventsOptions,
  type PageOptions,
  type TimeSpan,
} from "./api/history.ts";
export {
  type Attendance,
  type AttendanceList,
  type EventList,
  type ListedRoom,
  type Occupants,
  type PastOccupants,
  type PruneRoomsResult,
  type RoomList,
  type RoomStats,
  type WebhookStatus,
  type WebhookTest,
  type SweepResult,
  type Visit,
  type Whereabouts,
} from "./core/http-shapes.ts";
export { type RoomEvent, type RoomEventType } from "./core/room-events.ts";
export { type WebhookBody } from "./core/webhook-body.ts";
export { type ErrorFrame } from "./core/server-frames.ts";
export {
  type LeaveReason,
  type ListedPresence,
  type Presence,
  type User,
} from "./core/presence.ts";
export { ProtocolError } from "./core/protocol.ts";
export { type AddOptions, type RoomHandle } from "./api/room-handle.ts";
export { type Added, type PresencePage, type Replay } from "./rpc/stubs.ts";
export { Room } from "./objects/room/room.ts";
export { type ChannelOptions, presences, type Presences } from "./api/presences.ts";
export { webhooks, type Webhooks } from "./api/webhooks.ts";
export { type RoomListOptions, rooms, type Rooms, type SweepOptions } from "./api/rooms.ts";
export {
  type ListedLeave,
  type PresenceChange,
  type PresenceChanged,
  presenceChanged,
  type Receiver,
} from "./api/presence-changed.ts";
export default app;
