import { l10n } from "../../ui/l10n.ts";
import { dispatch } from "../../ui/messages.ts";
import type { ToPage } from "../messages.ts";
import { FormPage } from "./formPage.ts";
import { vscode } from "./vscodeApi.ts";

/** The page starts with the state that came inside it, and asks for the present one. */
let page: FormPage | undefined;

const root = document.getElementById("form") ?? document.body;

function receive(message: unknown): void {
  dispatch<ToPage>(
    {
      state: ({ state, bundle, answers }) => {
        if (bundle) l10n.use(bundle);
        page ??= start();
        page.show(state, answers);
      },
      refused: ({ answers, problems }) => page?.refused(answers, problems),
      accepted: ({ answers }) => page?.accepted(answers),
      chosen: ({ path, file }) => page?.choose(path, file),
      focus: ({ path }) => page?.goTo(path),
    },
    message,
  );
}

function start(): FormPage {
  const made = new FormPage(root);
  requestAnimationFrame(() => requestAnimationFrame(() => vscode.postMessage({ type: "painted", milliseconds: performance.now() })));
  return made;
}

window.addEventListener("message", ({ data }: MessageEvent<unknown>) => receive(data));
// A page that comes back (its tab was hidden) carries what was so when the tab was opened: it waits for the answer.
if (vscode.getState() === undefined) receive(JSON.parse(root.dataset["first"] ?? "null"));
vscode.postMessage({ type: "ready" });
