/**
 * Who owns a channel that is present in a room. The owner knows every further room of its channel, so
 * that whatever ends the channel ends all its presences.
 */

import * as v from "valibot";
import { VIEWS } from "./protocol.ts";

/** When the owner added this room to its channel, and in which version. */
const Link = {
  /** Grows with each addition, so that a late word of an earlier one is known as such. */
  generation: v.number(),
  /** Milliseconds since the epoch. */
  linkedAt: v.number(),
};

/** The socket is in this room. The secret takes the presence up again. */
const Local = v.object({ kind: v.literal("local"), secret: v.string() });

/** The socket is in another room, where it was opened with this view. */
const Remote = v.object({
  kind: v.literal("remote"),
  room: v.string(),
  view: v.picklist(VIEWS),
  ...Link,
});

/** There is no socket: the channel has a Channel object. */
const Detached = v.object({ kind: v.literal("detached"), ...Link });

const Elsewhere = v.variant("kind", [Remote, Detached]);

/** What the first version called a home; another version of this Worker may still send or have stored it. */
const Home = v.pipe(
  v.object({
    socket: v.nullable(v.object({ room: v.string(), view: v.picklist(VIEWS) })),
    link: v.number(),
  }),
  v.transform(({ socket, link }): ElsewhereOwner => {
    const version = { generation: link, linkedAt: link };
    return socket ? { kind: "remote", ...socket, ...version } : { kind: "detached", ...version };
  }),
);

export type LocalOwner = Readonly<v.InferOutput<typeof Local>>;
export type RemoteOwner = Readonly<v.InferOutput<typeof Remote>>;
export type DetachedOwner = Readonly<v.InferOutput<typeof Detached>>;
/** An owner that is not this room. */
export type ElsewhereOwner = RemoteOwner | DetachedOwner;
export type Owner = LocalOwner | ElsewhereOwner;

/** Of a channel that a server put here without anybody having linked it. */
export const NO_LINK: DetachedOwner = { kind: "detached", generation: 0, linkedAt: 0 };

/** Decodes an owner as it is stored and sent today. */
export const OwnerSchema = v.variant("kind", [Local, Remote, Detached]);

/** The same as the first version stored it: two keys, of which at most one is set. */
export const FormerOwnerSchema = v.pipe(
  v.object({ resume: v.nullable(v.string()), home: v.optional(v.nullable(Home), null) }),
  v.transform(({ resume, home }): Owner => {
    return resume === null ? (home ?? NO_LINK) : { kind: "local", secret: resume };
  }),
);

/** What another object says of an owner; of another version of this Worker, too. Throws for anything else. */
export function decodeElsewhere(value: unknown): ElsewhereOwner {
  return v.parse(v.union([Elsewhere, Home]), value);
}
