import { transferableAbortController } from "node:util";
import { notifications } from "@mantine/notifications";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// Node's Request takes only Node's own signals, and jsdom puts its own class in their place.
const controller = transferableAbortController();
globalThis.AbortController = controller.constructor as typeof AbortController;
globalThis.AbortSignal = controller.signal.constructor as typeof AbortSignal;

// What jsdom lacks and Mantine, the virtualiser and the charts ask for.
class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
Object.defineProperty(globalThis, "ResizeObserver", { writable: true, value: Observer });
Object.defineProperty(window, "matchMedia", {
  writable: true,
  value: (query: string) => ({
    matches: false,
    media: query,
    onchange: null,
    addEventListener: () => {},
    removeEventListener: () => {},
    addListener: () => {},
    removeListener: () => {},
    dispatchEvent: () => false,
  }),
});
// A text area that grows asks again once its font has come.
Object.defineProperty(document, "fonts", { configurable: true, value: new EventTarget() });
window.scrollTo = () => {};
Element.prototype.scrollIntoView = () => {};

// All tests share one page and its modules: what one leaves in them would meet the next.
afterEach(() => {
  cleanup();
  notifications.clean();
  window.localStorage.clear();
  window.sessionStorage.clear();
});

// zrender measures text on a canvas when there is one; jsdom would only complain.
HTMLCanvasElement.prototype.getContext = () => null;
// jsdom lays nothing out; without a size the virtual lists would show no row.
Object.defineProperty(HTMLElement.prototype, "offsetWidth", { configurable: true, get: () => 1200 });
Object.defineProperty(HTMLElement.prototype, "offsetHeight", { configurable: true, get: () => 600 });
for (const name of ["clientWidth", "clientHeight"] as const)
  Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => 600 });
// A failed query prints the page; all of it would hide which test failed.
configure({
  asyncUtilTimeout: 8_000,
  getElementError: (message) => new Error((message ?? "no such element").slice(0, 400)),
});
// Nothing lies at the edge, or popovers would take their anchor for scrolled away and hide.
Element.prototype.getBoundingClientRect = () => new DOMRect(100, 100, 200, 30);
// Mantine's dialogs listen until a signal of Node's own AbortController, which jsdom does not know for one.
const { addEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (this: EventTarget, type, listener, options) {
  if (typeof options !== "object" || !options.signal)
    return addEventListener.call(this, type, listener, options);
  const { signal, ...others } = options;
  addEventListener.call(this, type, listener, others);
  signal.addEventListener("abort", () => this.removeEventListener(type, listener, others));
};
