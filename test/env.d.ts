import type { Variables } from "../src/env.ts";
import type * as worker from "./support/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Variables {
      ROOM: DurableObjectNamespace<worker.Room>;
    }
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
