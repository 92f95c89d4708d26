/** What a frame tells its reader, ours or partyserver's: who is there, who came and went, what was said. */

import * as v from "valibot";

/** One who is there: the key by which leaves name them, and the user behind it. */
export type Someone = { readonly key: string; readonly user: string };

export type Effect = {
  /** Whether it replaces all that was known. */
  readonly isWhole: boolean;
  readonly joins: readonly Someone[];
  readonly leaves: readonly string[];
  readonly messages: readonly unknown[];
  /** How many are there, where that is all that is said. */
  readonly counted: number | null;
  /** The reader's own key and the secret to take it up again, where the frame says them. */
  readonly self: { readonly channel: string; readonly resume: string } | null;
  /** An `error` frame, or one of a kind that nobody knows here. */
  readonly problem: string | null;
  /** The change in number, and in the sum of the keys' hashes. */
  readonly count: number;
  readonly sum: number;
};

const User = v.nullable(v.object({ id: v.string() }));
const Presences = v.array(v.object({ channel: v.string(), user: User }));

const Frame = v.variant("type", [
  v.object({ type: v.literal("welcome"), channel: v.string(), resume: v.string() }),
  v.object({ type: v.literal("sync"), presences: Presences }),
  v.object({
    type: v.literal("diff"),
    joins: Presences,
    leaves: v.array(v.object({ channel: v.string() })),
  }),
  v.object({
    type: v.literal("presence"),
    payload: v.object({
      members: v.array(v.object({ id: v.string() })),
      count: v.optional(v.number()),
    }),
  }),
  v.object({ type: v.literal("count"), presences: v.number() }),
  v.object({ type: v.literal("messages"), messages: v.array(v.object({ payload: v.unknown() })) }),
  v.object({ type: v.literal("message"), payload: v.unknown() }),
  v.object({ type: v.literal("error"), code: v.string(), message: v.string() }),
  v.object({ type: v.literal("list"), ids: v.array(v.string()) }),
  v.object({ type: v.literal("join"), id: v.string() }),
  v.object({ type: v.literal("leave"), id: v.string() }),
]);
type Frame = v.InferOutput<typeof Frame>;

type Told = Partial<
  Pick<Effect, "isWhole" | "joins" | "leaves" | "messages" | "counted" | "self" | "problem">
>;

export function effectOf(text: string): Effect {
  const told = tell(text);
  const { joins = [], leaves = [] } = told;
  const nothing = { isWhole: false, messages: [], counted: null, self: null, problem: null };
  const sum = joins.reduce((all, { key }) => (all + hash(key)) | 0, 0);
  return {
    ...nothing,
    ...told,
    joins,
    leaves,
    count: joins.length - leaves.length,
    sum: leaves.reduce((all, key) => (all - hash(key)) | 0, sum),
  };
}

function tell(text: string): Told {
  const json: unknown = JSON.parse(text);
  if (json === "heartbeat") return {};
  const result = v.safeParse(Frame, json);
  return result.success ? toldBy(result.output) : { problem: `a frame of no known kind: ${text}` };
}

function toldBy(frame: Frame): Told {
  switch (frame.type) {
    case "welcome":
      return { self: frame };
    case "sync":
      return { isWhole: true, joins: frame.presences.map(presence) };
    case "diff":
      return {
        joins: frame.joins.map(presence),
        leaves: frame.leaves.map(({ channel }) => channel),
      };
    case "presence":
      if (frame.payload.count !== undefined) return { counted: frame.payload.count };
      return { isWhole: true, joins: frame.payload.members.map(({ id }) => byId(id)) };
    case "list":
      return { isWhole: true, joins: frame.ids.map(byId) };
    case "join":
      return { joins: [byId(frame.id)] };
    case "leave":
      return { leaves: [frame.id] };
    case "messages":
      return { messages: frame.messages.map(({ payload }) => payload) };
    case "message":
      return { messages: [frame.payload] };
    case "error":
      return { problem: `${frame.code}: ${frame.message}` };
    case "count":
      return { counted: frame.presences };
  }
}

function presence({ channel, user }: v.InferOutput<typeof Presences>[number]): Someone {
  return { key: channel, user: user?.id ?? "" };
}

function byId(id: string): Someone {
  return { key: id, user: id };
}

/** FNV-1a, 32 bits: sums of these tell two sets apart unless somebody means to deceive. */
export function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
  }
  return value | 0;
}
