import { dispatch } from "../../ui/messages.ts";
import { l10n } from "../l10n.ts";
import type { ToPage } from "../messages.ts";
import { FormPage } from "./formPage.ts";
import { vscode } from "./vscodeApi.ts";

/** The page starts: it asks for the state, and is made when the texts and the first state have come. */
let page: FormPage | undefined;

window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
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
    data,
  );
});

function start(): FormPage {
  const made = new FormPage(document.getElementById("form") ?? document.body);
  requestAnimationFrame(() => requestAnimationFrame(() => vscode.postMessage({ type: "painted", milliseconds: performance.now() })));
  return made;
}

vscode.postMessage({ type: "ready" });
