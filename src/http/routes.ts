/** Registers addresses: what runs before their handlers, and the 405 of every other method. */

import type { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode, StatusCode } from "hono/utils/http-status";
import type { AppContext, AppEnv } from "./app-env.ts";
import { methodNotAllowed } from "./error-answers.ts";
import { type Call, HANDLERS } from "./handlers.ts";
import { crossOrigin, sealed } from "./headers.ts";
import { type CallId, type Operation, OPERATIONS } from "./operations.ts";
import { admitted, readCall } from "./requests.ts";
import { checkStart, startChecked } from "./startup-warnings.ts";
import { isHandshake, openSocket } from "./upgrade.ts";

type Handler = (c: AppContext) => Response | Promise<Response>;

/** By their methods, in capitals. */
type Methods = Readonly<Record<string, Handler>>;

/** Every address of the operations, each with all its methods. */
export function registerOperations(routes: Hono<AppEnv>): void {
  const { openSocket: socket, ...calls } = OPERATIONS;
  registerSocket(routes, socket.path);
  const byPath = new Map<string, Record<string, Handler>>();
  // SAFETY: the keys of an object that was written out are those of its type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  for (const id of Object.keys(calls) as CallId[]) {
    const { path, method } = calls[id];
    byPath.set(path, { ...byPath.get(path), [method.toUpperCase()]: handlerOf(id) });
  }
  for (const [path, methods] of byPath) register(routes, path, methods);
}

/**
 * One address of ours, with what runs before each of its methods. On addresses of ours alone: an
 * application may have others beside them, wherever it mounts this app.
 */
export function register(routes: Hono<AppEnv>, path: string, methods: Methods): void {
  routes.use(path, startChecked, sealed, crossOrigin, admitted);
  for (const [method, handler] of Object.entries(methods)) routes.on(method, path, handler);
  routes.all(path, methodNotAllowed(Object.keys(methods)));
}

/**
 * A handshake runs ahead of all middleware: a storm of joins is made of these, and nothing may
 * touch their answers. The socket has its own check of origins, and no CORS.
 */
function registerSocket(routes: Hono<AppEnv>, path: string): void {
  routes.get(path, (c, next) => {
    if (!isHandshake(c.req.raw)) return next();
    checkStart(c.req.url, c.env);
    return openSocket(c.req.raw, c.env);
  });
  routes.use(path, startChecked, sealed);
  routes.get(path, () => {
    const message = "this address is a WebSocket's; connect to it with one, of version 13";
    throw new HTTPException(426, { message });
  });
  routes.all(path, methodNotAllowed(["GET"]));
}

function handlerOf(id: CallId): Handler {
  const operation: Operation = OPERATIONS[id];
  // SAFETY: a call is read by the operation of the same id, whose schemas its type is made of.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const handle = HANDLERS[id] as (
    call: Readonly<Record<keyof Call<Operation>, unknown>>,
  ) =>
    | { readonly status: StatusCode; readonly body: object | null }
    | Promise<{ readonly status: StatusCode; readonly body: object | null }>;
  return async (c) => {
    const { status, body } = await handle(await readCall(c, operation));
    if (body === null) return c.body(null, status);
    // SAFETY: the table has a body for no status that forbids one.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return c.json(body, status as ContentfulStatusCode);
  };
}
