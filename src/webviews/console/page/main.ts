import { dispatch } from "../../ui/messages.ts";
import { type Fit, fits, type PageState, type ToPage } from "../messages.ts";
import { element, host } from "./host.ts";
import { keysMenu } from "./menu.ts";
import { showOverlay } from "./overlay.ts";
import { Screen } from "./screen.ts";

const main = document.querySelector("main");
let state = JSON.parse(main?.dataset["state"] ?? "{}") as PageState;
state = { ...state, fit: host.getState()?.fit ?? state.fit };
host.setState(state);

const keyboard = element<HTMLButtonElement>("keyboard");
const screen = new Screen(element("screen"), state.fit, {
  onKeyboard(captured) {
    main?.classList.toggle("captured", captured);
    if (captured) host.postMessage({ type: "clipboardWanted" });
    keyboard.textContent = (captured ? keyboard.dataset["captured"] : keyboard.dataset["free"]) ?? "";
  },
  onConnected() {
    if (document.hasFocus() && (document.activeElement === document.body || document.activeElement === null)) screen.capture();
  },
});

const guestButtons = ["ctrl-alt-delete", "keys", "type-clipboard", "screenshot", "keyboard"].map((id) => element<HTMLButtonElement>(id));

window.addEventListener("message", ({ data }: MessageEvent<unknown>) =>
  dispatch<ToPage>(
    {
      state({ machine, overlay, live }) {
        screen.label = machine;
        for (const button of guestButtons) button.disabled = !live;
        showOverlay(overlay);
      },
      open: ({ connection }) => screen.open(connection),
      data: ({ connection, bytes }) => screen.receive(connection, bytes),
      closed: () => screen.close(),
      clipboard: ({ text }) => screen.offer(text),
      focus: () => screen.capture(),
    },
    data,
  ),
);

/** The host key: QEMU's own. Caught before noVNC, which would keep it for the guest. */
window.addEventListener(
  "keydown",
  (event) => {
    if (!event.ctrlKey || !event.altKey || event.code !== "KeyG") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    screen.release();
    keyboard.focus();
  },
  true,
);

element("ctrl-alt-delete").addEventListener("click", () => {
  screen.press(["ControlLeft", "AltLeft", "Delete"]);
  screen.capture();
});
keysMenu((item) => {
  const codes = item.dataset["codes"];
  if (codes === undefined) host.postMessage({ type: "otherKeys" });
  else screen.press(codes.split(" "));
  if (codes !== undefined) screen.capture();
});
element("type-clipboard").addEventListener("click", () => {
  host.postMessage({ type: "typeClipboard" });
  screen.capture();
});
element("screenshot").addEventListener("click", () => host.postMessage({ type: "screenshot" }));
element("fill").addEventListener("click", () => host.postMessage({ type: "fillWindow" }));

const fit = element<HTMLSelectElement>("fit");
fit.value = state.fit;
fit.addEventListener("change", () => {
  const chosen: Fit = fits.find((one) => one === fit.value) ?? "scale";
  screen.fit = chosen;
  state = { ...state, fit: chosen };
  host.setState(state);
});

// A click on the button must not find the keyboard already released by its own mousedown.
let wasCaptured = false;
keyboard.addEventListener("pointerdown", () => {
  wasCaptured = main?.classList.contains("captured") ?? false;
});
keyboard.addEventListener("click", (event) => {
  const captured = event.detail === 0 ? false : wasCaptured;
  if (captured) screen.release();
  else screen.capture();
});

host.postMessage({ type: "ready" });
