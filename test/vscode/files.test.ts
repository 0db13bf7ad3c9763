import { type TestHome, testHome } from "../support/home.ts";
import { runInHost } from "./support/index.ts";

describe("files of a guest", () => {
  let home: TestHome;
  after(() => home?.dispose());

  runInHost("files of a guest", {
    suite: "test/vscode/host/files.ts",
    timeoutMs: 300_000,
    prepare: async () => {
      home = await testHome();
      return home.environment;
    },
  });
});
