/** A page that joins a room with the built client, as a browser loads it: no bundler, an import map. */

import { once } from "node:events";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import { join, normalize } from "node:path";
import { REACT_PAGE } from "./react-page.ts";

const PROJECT = join(import.meta.dirname, "../..");
const MODULES = join(PROJECT, "node_modules");
const BUILT = join(PROJECT, "dist");
const TYPES: Partial<Record<string, string>> = { js: "text/javascript", mjs: "text/javascript" };

const PAGE = `<!doctype html>
<title>a room</title>
<script type="importmap">
{"imports": {"valibot": "/modules/valibot/dist/index.mjs"}}
</script>
<script type="module">
  import { joinRoom } from "/client/index.js";
  const { url, room, token, ...times } = Object.fromEntries(new URLSearchParams(location.search));
  for (const name of Object.keys(times)) times[name] = Number(times[name]);
  globalThis.events = [];
  globalThis.room = joinRoom({ url, room, token, ...times });
  for (const type of ["sync", "join", "leave", "update", "message", "status", "error"])
    globalThis.room.on(type, (event) => globalThis.events.push({ type, event }));
</script>`;

export class Site {
  readonly #server: HttpServer;

  private constructor() {
    this.#server = createServer(({ url = "/" }, response) => {
      const { pathname } = new URL(url, "http://page");
      if (pathname === "/strict")
        response.setHeader("content-security-policy", "worker-src 'none'");
      const file = this.#file(pathname);
      if (file === undefined) {
        const page = pathname === "/components" ? REACT_PAGE : PAGE;
        response.setHeader("content-type", "text/html; charset=utf-8").end(page);
        return;
      }
      const isFile = existsSync(file) && statSync(file).isFile();
      response.statusCode = isFile ? 200 : 404;
      response.setHeader("content-type", TYPES[file.split(".").at(-1) ?? ""] ?? "text/plain");
      if (isFile) createReadStream(file).pipe(response);
      else response.end();
    });
  }

  /** Serves the client as `npm run build` wrote it. */
  static async start(): Promise<Site> {
    const site = new Site();
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  /** The address of the page for a room of the service at `service`. At "/strict" it may have no workers. */
  pageFor(service: string, room: string, token: string, path = "/"): string {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const query = new URLSearchParams({ url: service, room, token });
    return `http://127.0.0.1:${port}${path}?${query.toString()}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #file(pathname: string): string | undefined {
    const [, top = "", ...rest] = normalize(pathname).split("/");
    if (top === "modules") return join(MODULES, ...rest);
    return ["client", "core", "react"].includes(top) ? join(BUILT, top, ...rest) : undefined;
  }
}
