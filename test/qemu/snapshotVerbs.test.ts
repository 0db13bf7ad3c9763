import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { checkout, type TestHome, testHome } from "../support/home.ts";
import { emptyMachine } from "../support/snapshotWalk.ts";

/** Each verb of `viv snapshot` against a real machine: words for people, JSON for scripts, exit codes. */
describe("viv snapshot", function () {
  this.timeout(120_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await emptyMachine(client, "box");
  });
  after(() => home.dispose());

  function viv(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const args = [join(checkout, "src", "cli", "viv.ts"), "snapshot", ...words];
    return new Promise((resolve) => {
      execFile(process.execPath, args, { env: home.environment }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  }

  const steps: readonly (readonly [words: string, code: number, says: RegExp])[] = [
    ["ls box", 0, /There are no snapshots/],
    ["create box", 0, /box: s1, disks of a machine that was off/],
    ["create box two --note all-well", 0, /box: two/],
    ["create box two", 4, /There is a snapshot two already/],
    ["create box ../x", 2, /cannot be a snapshot's name/],
    ["ls box", 0, /\*\s+two .* all-well/],
    ["tree box", 0, /└─ s1 .*\n {3}└─ two .*\n {6}└─ now/],
    ["diff box s1", 0, /shared: /],
    ["edit box s1 --name first", 0, /box: first/],
    ["edit box first", 2, /Nothing is to be changed/],
    ["restore box first", 0, /box: back at first/],
    ["restore box nowhere", 3, /There is no snapshot “nowhere”/],
    ["restore box two --into copy", 0, /copy: made of two of box/],
    ["rm box two", 0, /two removed .*viv snapshot undo box two/],
    ["ls box --removed", 0, /two .* removed/],
    ["undo box two", 0, /two is back/],
    ["rm box first --branch", 0, /first, two removed/],
    ["empty box --yes", 0, /freed/],
    ["ls box --removed", 0, /There are no snapshots/],
    ["ls nobody", 3, /nobody/],
  ];

  for (const [words, code, says] of steps) {
    it(`${words} → ${code}`, async () => {
      const outcome = await viv(...words.split(" "));
      assert.match(outcome.stdout + outcome.stderr, says);
      assert.equal(outcome.code, code);
    });
  }

  it("speaks JSON, errors too", async () => {
    const made = JSON.parse((await viv("create", "box", "--json")).stdout) as { name: string; consistency: string };
    assert.deepEqual([made.name, made.consistency], ["s1", "stopped"]);
    const refused = await viv("restore", "box", "nowhere", "--json");
    assert.equal((JSON.parse(refused.stderr) as { error: { code: string } }).error.code, "not-found");
  });
});
