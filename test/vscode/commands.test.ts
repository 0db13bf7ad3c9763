import { type TestHome, testHome } from "../support/home.ts";
import { runInHost } from "./support/index.ts";

describe("commands", () => {
  let home: TestHome;
  after(() => home?.dispose());

  runInHost("commands", {
    suite: "test/vscode/host/commands.ts",
    timeoutMs: 300_000,
    prepare: async () => {
      home = await testHome();
      return home.environment;
    },
  });
});
