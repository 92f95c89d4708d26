import type { Variables } from "../src/config/env.ts";
import type * as worker from "./support/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Variables {
      /** Rooms of the tests in test/scale. */
      ROOMS: string;
      /** Which faults, and how many, in test/faults. */
      FAULTS_SEED: string;
      FAULTS_STEPS: string;
      PRESENCE_ROOM: DurableObjectNamespace<worker.Room>;
      PRESENCE_CHANNEL: DurableObjectNamespace<worker.Channel>;
      PRESENCE_LOBBY: DurableObjectNamespace<worker.Lobby>;
      GAME: DurableObjectNamespace<worker.Game>;
      ASYNC_GAME: DurableObjectNamespace<worker.AsyncGame>;
    }
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
