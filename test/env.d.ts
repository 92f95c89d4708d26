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
      ROOM: DurableObjectNamespace<worker.Room>;
      CHANNEL: DurableObjectNamespace<worker.Channel>;
      LOBBY: DurableObjectNamespace<worker.Lobby>;
      GAME: DurableObjectNamespace<worker.Game>;
      ASYNC_GAME: DurableObjectNamespace<worker.AsyncGame>;
    }
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
