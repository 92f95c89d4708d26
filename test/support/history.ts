/** What servers ask of a room's log, through the HTTP API, in the shapes that it answers. */

import * as v from "valibot";
import { AttendanceList, EventList, PastOccupants } from "../../src/core/http-shapes.ts";
import { call, type CallOptions, roomPath } from "./http.ts";

export type Query = Readonly<Record<string, string | number>>;

/** Asks for something of a room's past, and returns whatever comes. */
export function askPast(
  room: string,
  what: "" | "/events" | "/attendance",
  query: Query = {},
  options: CallOptions = {},
) {
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)]),
  );
  return call("GET", `${roomPath(room)}${what}?${search.toString()}`, options);
}

export async function eventsOf(room: string, query: Query = {}): Promise<EventList> {
  return v.parse(EventList, (await askPast(room, "/events", query)).body);
}

export async function roomAt(room: string, at: number): Promise<PastOccupants> {
  return v.parse(PastOccupants, (await askPast(room, "", { at })).body);
}

export async function attendanceOf(room: string, query: Query = {}): Promise<AttendanceList> {
  return v.parse(AttendanceList, (await askPast(room, "/attendance", query)).body);
}
