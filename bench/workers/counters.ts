/**
 * What the objects under test do, counted: only in the Workers of the benchmark, and in all of them alike. The
 * counters live in the isolate that the objects share with the Worker, so reading them wakes nobody.
 */

/** What the objects of one class did since the start, over all their lives. */
type Counters = {
  constructed: number;
  /** Written; and read, as they are billed. */
  rows: number;
  reads: number;
  events: Record<string, number>;
};

const classes = new Map<string, Counters>();
/** Those of queries since the counters were read. */
const cursors: { readonly counts: Counters; readonly cursor: { readonly rowsRead: number } }[] = [];
let frames = 0;

const HANDLERS = ["fetch", "webSocketMessage", "webSocketClose", "webSocketError", "alarm"];

function countersOf(name: string): Counters {
  const known = classes.get(name) ?? { constructed: 0, rows: 0, reads: 0, events: {} };
  classes.set(name, known);
  return known;
}

/** The answer to `GET /bench/counters`; `null` for any other request. */
export function counters(request: Request): Response | null {
  if (new URL(request.url).pathname !== "/bench/counters") return null;
  // What a cursor has read is known once it has been.
  for (const { counts, cursor } of cursors.splice(0)) counts.reads += cursor.rowsRead;
  return Response.json({ frames, classes: Object.fromEntries(classes) });
}

/** Counts the events of a class: its handlers and those of its methods that other objects call. */
export function countEvents(name: string, prototype: object, calls: readonly string[] = []): void {
  const { events } = countersOf(name);
  for (const event of [...HANDLERS, ...calls]) {
    const handle: unknown = Reflect.get(prototype, event);
    if (typeof handle !== "function") continue;
    override(prototype, event, function count(this: object, ...args: unknown[]): unknown {
      events[event] = (events[event] ?? 0) + 1;
      return Reflect.apply(handle, this, args);
    });
  }
}

/** To be called by the constructor of a class: counts its lives, and the rows that they write as they are billed. */
export function watch(name: string, ctx: DurableObjectState): DurableObjectState {
  const counts = countersOf(name);
  counts.constructed += 1;
  const { storage } = ctx;
  const { kv, sql } = storage;
  const remove = kv.delete.bind(kv);
  const exec = sql.exec.bind(sql);
  const get = kv.get.bind(kv);
  const list = kv.list.bind(kv);
  const countRow = (target: object, method: string) => {
    const write: unknown = Reflect.get(target, method);
    if (typeof write !== "function") return;
    override(target, method, (...args: unknown[]): unknown => {
      counts.rows += 1;
      return Reflect.apply(write, target, args);
    });
  };
  countRow(kv, "put");
  countRow(storage, "put");
  countRow(storage, "delete");
  countRow(storage, "setAlarm");
  override(kv, "delete", (key: string) => {
    const isRow = remove(key);
    if (isRow) counts.rows += 1;
    return isRow;
  });
  override(kv, "get", (key: string) => {
    counts.reads += 1;
    return get(key);
  });
  override(kv, "list", (options: SyncKvListOptions) => {
    const listed = [...list(options)];
    counts.reads += listed.length;
    return listed;
  });
  override(sql, "exec", (query: string, ...bindings: unknown[]) => {
    const cursor = exec(query, ...bindings);
    counts.rows += cursor.rowsWritten;
    cursors.push({ counts, cursor });
    return cursor;
  });
  return ctx;
}

// Called with each frame, so it must take next to nothing itself.
// oxlint-disable-next-line typescript/unbound-method
const { send } = WebSocket.prototype;
override(WebSocket.prototype, "send", function count(this: WebSocket, data: string): void {
  frames += 1;
  send.call(this, data);
});

function override(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
}
