/** What is measured, each in the same runs: ours, the least that could be, and what people would take instead. */

export type TargetName = "ours" | "bare" | "party";

export type Target = {
  readonly name: TargetName;
  /** The classes of its objects, each bound to the name in capitals. */
  readonly classes: readonly string[];
  /** Where the socket of a user is opened; `token` proves who it is where anybody asks. */
  path(room: string, user: { readonly id: string; readonly token: string }, query: string): string;
};

export const TARGETS: Readonly<Record<TargetName, Target>> = {
  ours: {
    name: "ours",
    classes: ["Room", "Channel", "Lobby"],
    path: (room, { token }, query) => `/rooms/${room}/ws?${query}&token=${token}`,
  },
  bare: { name: "bare", classes: ["Room"], path: (room) => `/rooms/${room}/ws` },
  party: {
    name: "party",
    classes: ["Room"],
    path: (room, { id }) => `/parties/room/${room}?_pk=${id}`,
  },
};
