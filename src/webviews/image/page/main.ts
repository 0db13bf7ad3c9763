import { l10n } from "../../ui/l10n.ts";
import { dispatch } from "../../ui/messages.ts";
import type { ToPage } from "../messages.ts";
import { imageView, problemView } from "./imageView.ts";
import { vscode } from "./vscodeApi.ts";

const root = document.getElementById("page") ?? document.body;

window.addEventListener("message", ({ data }: MessageEvent<unknown>) =>
  dispatch<ToPage>(
    {
      state: ({ state, bundle }) => {
        if (bundle) l10n.use(bundle);
        // A button that has the keyboard keeps it.
        const focused = document.activeElement?.id ?? "";
        root.replaceChildren(
          "problem" in state ? problemView(state) : imageView(state, (action) => vscode.postMessage({ type: "action", action })),
        );
        if (focused !== "") document.getElementById(focused)?.focus();
      },
    },
    data,
  ),
);
vscode.postMessage({ type: "ready" });
