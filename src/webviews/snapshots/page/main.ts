import { l10n } from "../../ui/l10n.ts";
import { dispatch } from "../../ui/messages.ts";
import type { PageState, ToPage } from "../messages.ts";
import { SnapshotsPage } from "./snapshotsPage.ts";
import { vscode } from "./vscodeApi.ts";

const root = document.getElementById("page") ?? document.body;
const target = JSON.parse(root.dataset["state"] ?? "{}") as PageState;
const kept = vscode.getState();
if (kept?.machine !== target.machine) vscode.setState(target);
let page: SnapshotsPage | undefined;

window.addEventListener("message", ({ data }: MessageEvent<unknown>) =>
  dispatch<ToPage>(
    {
      state: ({ state, bundle }) => {
        if (bundle) l10n.use(bundle);
        page ??= new SnapshotsPage(root);
        page.show(state);
        if (state.rows.length > 0 && root.dataset["painted"] === undefined) painted();
      },
      thumbnail: ({ id, png }) => page?.picture(id, png),
      comparison: (message) => page?.comparison(message),
      select: ({ id, compareWith }) => page?.goTo(id, compareWith),
    },
    data,
  ),
);
vscode.postMessage({ type: "ready" });

function painted(): void {
  root.dataset["painted"] = "";
  requestAnimationFrame(() => requestAnimationFrame(() => vscode.postMessage({ type: "painted", milliseconds: performance.now() })));
}
