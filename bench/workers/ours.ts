/** Ours: the product's own Worker, with counters. */

import {
  app,
  Channel as ProductChannel,
  type Env,
  Lobby as ProductLobby,
  Room as ProductRoom,
} from "../../src/index.ts";
import { countEvents, counters, watch } from "./counters.ts";

countEvents("Room", ProductRoom.prototype);
countEvents("Lobby", ProductLobby.prototype, ["fill", "empty", "page", "sweep", "startPruning"]);

export class Room extends ProductRoom {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch("Room", ctx), env);
  }
}

export class Lobby extends ProductLobby {
  constructor(ctx: DurableObjectState, env: Env) {
    super(watch("Lobby", ctx), env);
  }
}

export class Channel extends ProductChannel {}

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext) =>
    counters(request) ?? app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
