import { JSDOM } from "jsdom";

/**
 * A document for React, beside Node's own URL, WebSocket and timers: an environment that puts jsdom's in their place breaks what
 * starts real servers. To be imported before React.
 */
const { window } = new JSDOM("<!doctype html><body></body>", { url: "http://localhost/" });

const globals = {
  window,
  document: window.document,
  HTMLElement: window.HTMLElement,
  Node: window.Node,
  navigator: window.navigator,
  IS_REACT_ACT_ENVIRONMENT: true,
};
// Defined, since newer versions of Node have a navigator that can't be assigned.
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
