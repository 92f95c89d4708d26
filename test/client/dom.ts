/**
 * A document for React in Node, to be imported before React. Only that: sockets, requests and timers stay
 * Node's own, for they speak to a real server.
 */

import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost/" });

for (const [name, value] of Object.entries({
  window,
  document: window.document,
  sessionStorage: window.sessionStorage,
  addEventListener: window.addEventListener.bind(window),
})) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
