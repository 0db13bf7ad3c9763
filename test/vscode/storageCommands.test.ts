import { type TestHome, testHome } from "../support/home.ts";
import { runInHost } from "./support/index.ts";

describe("disks, snapshots and images", () => {
  let home: TestHome;
  after(() => home?.dispose());

  runInHost("disks, snapshots and images", {
    suite: "test/vscode/host/storage.ts",
    timeoutMs: 300_000,
    prepare: async () => {
      home = await testHome();
      return home.environment;
    },
  });
});
