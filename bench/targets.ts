/** What is measured, each in the same runs: ours, the least that could be, and what people would take instead. */

export type TargetName = "ours" | "bare" | "party";

export type Target = {
  /** The Worker in workers/. */
  readonly name: TargetName | "naive";
  /** Its name for people. */
  readonly title: string;
  /** The classes of its objects by the names of their bindings. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Whether it knows who is there, and tells. */
  readonly hasPresence: boolean;
  /** Where the socket of a user is opened; `token` proves who it is where anybody asks. */
  path(room: string, user: { readonly id: string; readonly token: string }, query: string): string;
};

export const TARGETS: Readonly<Record<TargetName, Target>> = {
  ours: {
    name: "ours",
    title: "ours",
    bindings: { PRESENCE_ROOM: "Room", PRESENCE_CHANNEL: "Channel", PRESENCE_LOBBY: "Lobby" },
    hasPresence: true,
    path: (room, { token }, query) => `/rooms/${room}/ws?${query}&token=${token}`,
  },
  bare: {
    name: "bare",
    title: "bare object",
    bindings: { ROOM: "Room" },
    hasPresence: false,
    path: (room) => `/rooms/${room}/ws`,
  },
  party: {
    name: "party",
    title: "partyserver",
    bindings: { ROOM: "Room" },
    hasPresence: true,
    path: (room, { id }) => `/parties/room/${room}?_pk=${id}`,
  },
};

/** Measured by the cost model only. */
export const NAIVE: Target = {
  name: "naive",
  title: "naive",
  bindings: { ROOM: "Room" },
  hasPresence: true,
  path: (room, { id }) => `/rooms/${room}/ws?_pk=${id}`,
};
