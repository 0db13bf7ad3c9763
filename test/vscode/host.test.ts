import { runInHost } from "./support/index.ts";

runInHost("the extension host", { suite: "test/vscode/host/window.ts" });
