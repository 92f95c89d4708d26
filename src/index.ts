/** The Worker: the app as default, the objects' classes, and what an application of one's own builds on. */

import { env } from "cloudflare:workers";
import { app } from "./app.ts";
import { bindingsOf } from "./env.ts";
import { readSettings } from "./settings.ts";

// What is missing or out of range stops the start-up here, not the first visitor.
readSettings(bindingsOf(env));

export { app } from "./app.ts";
export { Channel } from "./channel.ts";
export { type ChannelHolder, removePresence, touchPresence } from "./decorators.ts";
export { type Bindings, type Env } from "./env.ts";
export { Lobby } from "./lobby.ts";
export { type Json } from "./core/json.ts";
export {
  type LeaveReason,
  type ListedPresence,
  type Presence,
  type User,
} from "./core/presence.ts";
export { ProtocolError } from "./core/protocol.ts";
export { type RoomHandle } from "./room-handle.ts";
export { type RoomStats } from "./stubs.ts";
export { Room } from "./room.ts";
export { presences, type Presences, rooms, type Rooms } from "./rooms.ts";
export { type PresenceChange, presenceChanged, type Receiver } from "./signal.ts";
export default app;
