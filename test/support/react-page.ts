/**
 * A page of React components with the built hooks, without a bundler: React is published as CommonJS, so the
 * page has a `require` of its own, and an import map makes a module of what that loads.
 */

import { createRequire } from "node:module";

/** The files of React's development build, by the names under which they require each other. */
const FILES = {
  react: "react/cjs/react.development.js",
  scheduler: "scheduler/cjs/scheduler.development.js",
  "react-dom": "react-dom/cjs/react-dom.development.js",
  "react-dom/client": "react-dom/cjs/react-dom-client.development.js",
};

const react: object = createRequire(import.meta.url)("react");
const exported = Object.keys(react);
const reactModule = `export const { ${exported.join(", ")} } = globalThis.require("react");`;
const imports = {
  react: `data:text/javascript,${encodeURIComponent(reactModule)}`,
  valibot: "/modules/valibot/dist/index.mjs",
};

/** `show(rooms)` renders a component for each of `rooms`, in StrictMode, and `globalThis.client` has `joinRoom`. */
export const REACT_PAGE = `<!doctype html>
<title>components</title>
<div id="root"></div>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  globalThis.process = { env: { NODE_ENV: "development" } };
  const loaded = {};
  globalThis.require = (name) => loaded[name];
  for (const [name, file] of Object.entries(${JSON.stringify(FILES)})) {
    const source = await (await fetch("/modules/" + file)).text();
    const module = { exports: {} };
    new Function("require", "exports", "module", source)(require, module.exports, module);
    loaded[name] = module.exports;
  }
  const { createElement, StrictMode } = loaded.react;
  const { usePresence } = await import("/react/index.js");
  globalThis.client = await import("/client/index.js");
  const { url, token } = Object.fromEntries(new URLSearchParams(location.search));
  function Room({ room }) {
    const { status } = usePresence({ url, room, token });
    return createElement("p", { id: room }, status);
  }
  const root = loaded["react-dom/client"].createRoot(document.getElementById("root"));
  globalThis.show = (rooms) =>
    root.render(createElement(StrictMode, null, rooms.map((room) => createElement(Room, { key: room, room }))));
  globalThis.isReady = true;
</script>`;
