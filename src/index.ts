/** The Worker: the app as default, the objects' classes, and what an application of one's own builds on. */

import { env } from "cloudflare:workers";
import { app } from "./http/app.ts";
import { bindingsOf } from "./config/env.ts";
import { readSettings } from "./config/settings.ts";

// What is missing or out of range stops the start-up here, not the first visitor.
readSettings(bindingsOf(env));

export { app } from "./http/app.ts";
export { Channel } from "./objects/channel.ts";
export { type ChannelHolder, removePresence, touchPresence } from "./api/decorators.ts";
export { type Bindings, type Env } from "./config/env.ts";
export { Lobby } from "./objects/lobby.ts";
export { type Json } from "./core/json.ts";
export {
  type LeaveReason,
  type ListedPresence,
  type Presence,
  type User,
} from "./core/presence.ts";
export { ProtocolError } from "./core/protocol.ts";
export { type RoomHandle } from "./api/room-handle.ts";
export { type RoomStats } from "./rpc/stubs.ts";
export { Room } from "./objects/room/room.ts";
export { presences, type Presences } from "./api/presences.ts";
export { rooms, type Rooms } from "./api/rooms.ts";
export { type PresenceChange, presenceChanged, type Receiver } from "./api/presence-changed.ts";
export default app;
