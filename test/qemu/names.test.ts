import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { codeOf } from "../support/faults.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";

const hostile = {
  empty: "",
  "a slash": "a/b",
  "the parent folder": "..",
  "a way out": "../../outside",
  "an absolute path": "/tmp/outside",
  "a space": "my machine",
  emoji: "maschine🐢",
  "a newline": "one\ntwo",
  "a line end alone": "name\n",
  "a null byte": "one\0two",
  "an escape sequence": "\u001b[31mred",
  "200 characters": "a".repeat(200),
  "42 characters": "a".repeat(42),
  "10,000 characters": "a".repeat(10_000),
  "a leading dash": "-rf",
  "an option": "--force",
  "a leading digit": "1st",
  "upper case": "Web",
  "a dot": ".hidden",
  "a backslash": "a\\b",
  "a Windows device": "NUL",
  "shell words": "$(reboot)",
  "a percent": "%h%n",
  prototype: "__proto__",
};

describe("a machine's name", function () {
  this.timeout(120_000);
  let home: TestHome;
  let client: VivClient;
  const events: VivEvent[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    client.onEvent((event) => events.push(event));
    await starterMachine(client, "good");
  });
  after(() => home.dispose());

  for (const [what, name] of Object.entries(hostile)) {
    it(`with ${what} is refused by create, rename and find, and leaves nothing`, async () => {
      const wrong = async (call: Promise<unknown>) => {
        const error = await call.then(
          () => assert.fail("it was accepted"),
          (thrown: { code: string; message: string; hint?: string }) => thrown,
        );
        assert.ok(["invalid-name", "usage"].includes(error.code), `${error.code}: ${error.message}`);
        assert.ok(error.hint, "there is no hint");
        assert.ok(!["\n", "\u001b", "\0"].some((raw) => error.message.includes(raw)), "the name came back raw");
        assert.ok(error.message.length < 300, "the name came back whole");
      };
      await wrong(client.call("machine.create", { name }));
      await wrong(client.call("machine.rename", { machine: "good", name }));
      await wrong(client.call("machine.show", { machine: name }));
      await wrong(client.call("machine.start", { machine: name }));
      await wrong(client.call("machine.remove", { machine: name }));
      assert.deepEqual(await readdir(join(home.folder, "machines")), ["good"]);
      assert.deepEqual(await readdir(join(home.folder, "trash")), []);
      assert.deepEqual(
        (await client.call("machine.list", {})).map((machine) => [machine.name, machine.state]),
        [["good", "stopped"]],
      );
    });
  }

  it("that is taken is refused by create, rename and restore, and the machine that has it stays", async () => {
    const before = await client.call("machine.show", { machine: "good" });
    await assert.rejects(client.call("machine.create", { name: "good" }), { code: "exists" });
    await starterMachine(client, "other");
    await assert.rejects(client.call("machine.rename", { machine: "other", name: "good" }), { code: "exists" });
    await client.call("machine.remove", { machine: "other" });
    await starterMachine(client, "other");
    await assert.rejects(client.call("machine.restoreRemoved", { machine: "other" }), { code: "exists" });
    await client.call("machine.remove", { machine: "other" });
    assert.equal((await client.call("machine.show", { machine: "good" })).id, before.id);
  });

  it("is given once when eight ask for it at the same time", async () => {
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(client.call("machine.create", { name: "wanted" }))));
    assert.deepEqual(codes.sort(), [...Array.from({ length: 7 }, () => "exists"), undefined].sort());
    assert.deepEqual((await readdir(join(home.folder, "machines"))).sort(), ["good", "wanted"]);
    await client.call("machine.remove", { machine: "wanted" });
  });

  it("is changed by rename alone, keeps id and disk, and is found again", async () => {
    const before = await client.call("machine.show", { machine: "good" });
    const renamed = await client.call("machine.rename", { machine: "good", name: "better" });
    assert.equal(renamed.id, before.id);
    assert.match((await client.call("machine.definition", { machine: "better" })).text, /"name": "better"/);
    await assert.rejects(client.call("machine.show", { machine: "good" }), { code: "not-found" });
    await assert.rejects(client.call("machine.set", { machine: "better", set: ["name=worse"] }), { code: "usage" });
    assert.equal((await client.call("machine.show", { machine: before.id })).name, "better");
    await client.call("machine.rename", { machine: "better", name: "good" });
  });

  it("nearly right gets the right one as a hint", async () => {
    await assert.rejects(client.call("machine.show", { machine: "goof" }), { code: "not-found", hint: /good/ });
  });

  it("of a removed machine is not heard of again", async () => {
    await starterMachine(client, "gone");
    await client.call("machine.remove", { machine: "gone" });
    await new Promise((wake) => setTimeout(wake, 300));
    const about = events.filter(
      (event) => ("name" in event && event.name === "gone") || (event.event === "machine.changed" && event.machine.name === "gone"),
    );
    assert.equal(about.at(-1)?.event, "machine.removed");
  });
});
