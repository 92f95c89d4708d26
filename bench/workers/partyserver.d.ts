/** What party.ts uses of partyserver, which is installed by `npm run bench` only: the project's checks need it not. */

declare module "partyserver" {
  import { DurableObject } from "cloudflare:workers";

  export interface Connection extends WebSocket {
    readonly id: string;
  }

  export class Server<Env> extends DurableObject<Env> {
    static options: { readonly hibernate: boolean };
    getConnections(): Iterable<Connection>;
    broadcast(message: string | ArrayBuffer | ArrayBufferView, without?: readonly string[]): void;
    onConnect(connection: Connection): void;
    onMessage(connection: Connection, message: string | ArrayBuffer | ArrayBufferView): void;
    onClose(connection: Connection): void;
  }

  export function routePartykitRequest(request: Request, env: object): Promise<Response | null>;
}
