/** What the HTTP API answers, as far as the model knows of it: the same inside the runtime and from outside. */

import * as v from "valibot";

export const Occupants = v.object({
  members: v.array(v.looseObject({ id: v.string() })),
  lurkers: v.number(),
});
export const Presences = v.object({
  presences: v.array(
    v.looseObject({
      channel: v.string(),
      user: v.nullable(v.looseObject({ id: v.string() })),
      state: v.optional(v.unknown()),
    }),
  ),
});
export const RoomList = v.object({ rooms: v.array(v.looseObject({ room: v.string() })) });
export const Whereabouts = v.object({ rooms: v.array(v.string()) });
