import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachineDetails, VivClient, VivEvent } from "../../src/api/index.ts";
import { killVivd, until } from "../support/faults.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";

/** vm.json as people break it: with an editor, with a newer Vivarium, with `cp -r`. */
describe("a machine's vm.json", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;
  let good: string;
  const events: VivEvent[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    client.onEvent((event) => events.push(event));
    await starterMachine(client, "first");
    await starterMachine(client, "second");
    good = await readFile(file("second"), "utf8");
  });
  after(() => home.dispose());

  const file = (name: string) => join(home.machineFolder(name), "vm.json");
  const show = (machine: string): Promise<MachineDetails> => client.call("machine.show", { machine });
  const changed = (edit: (value: Record<string, unknown>) => void): string => {
    const value = JSON.parse(good.replaceAll(/^\/\/.*$/gm, "")) as Record<string, unknown>;
    edit(value);
    return JSON.stringify(value, null, 2);
  };

  const broken: Record<string, { text: () => string; says: RegExp }> = {
    "a missing brace": { text: () => good.slice(0, good.lastIndexOf("}")), says: /line \d+, column \d+/ },
    "half a word": { text: () => good.replace('"cpus"', '"cpus'), says: /line \d+, column \d+/ },
    nothing: { text: () => "", says: /vm\.json/ },
    "binary rubbish": { text: () => "\u0000\u0001\u0002PK\u0003\u0004", says: /vm\.json/ },
    "a list": { text: () => "[]", says: /expected object/i },
    "a newer schema": { text: () => changed((value) => (value["schema"] = 2)), says: /schema is version 2.*update Vivarium/ },
    "an unknown key": { text: () => changed((value) => (value["colour"] = "red")), says: /colour/ },
    "a disk's unknown key": {
      text: () => changed((value) => (((value["disks"] as Record<string, unknown>[])[0] as Record<string, unknown>)["cache"] = "unsafe")),
      says: /disks\.0.*cache/,
    },
    "another name than its folder": { text: () => changed((value) => (value["name"] = "third")), says: /named third, its folder second/ },
    "a way out as name": { text: () => changed((value) => (value["name"] = "../second")), says: /name/ },
    "no processors": { text: () => changed((value) => (value["cpus"] = 0)), says: /cpus/ },
    "memory that is no size": { text: () => changed((value) => (value["memory"] = "lots")), says: /memory/ },
    "a control character in a path": {
      text: () => changed((value) => (value["cdrom"] = { file: "a\nb.iso" })),
      says: /cdrom\.file/,
    },
    "two disks of one id": {
      text: () => changed((value) => (value["disks"] = [...(value["disks"] as unknown[]), ...(value["disks"] as unknown[])])),
      says: /disks\.1\.id/,
    },
    "two megabytes": { text: () => `${good}${"/".repeat(2_000_000)}`, says: /too large/ },
  };

  for (const [what, { text, says }] of Object.entries(broken)) {
    it(`with ${what} is one damaged item with the reason, and heals with the file`, async () => {
      await writeFile(file("second"), text());
      const damaged = await show("second");
      assert.equal(damaged.state, "damaged");
      assert.ok(damaged.status.state === "damaged");
      assert.match(damaged.status.reason, says);
      assert.ok(damaged.status.hint?.includes(file("second")), damaged.status.hint);
      const listed = await client.call("machine.list", {});
      assert.deepEqual(
        listed.map((machine) => [machine.name, machine.state]),
        [
          ["first", "stopped"],
          ["second", "damaged"],
        ],
      );
      await assert.rejects(client.call("machine.start", { machine: "second" }), { code: "damaged", message: says });
      await assert.rejects(client.call("machine.set", { machine: "second", set: ["cpus=1"] }), { code: "damaged" });
      await writeFile(file("second"), good);
      assert.equal((await show("second")).state, "stopped");
    });
  }

  it("missing, or a folder, is damage of one machine even for a new service", async () => {
    await rm(file("second"));
    assert.match(reasonOf(await show("second")), /missing/);
    await mkdir(file("second"));
    await mkdir(home.machineFolder("Strange Name"));
    await killVivd(home);
    client = await home.client();
    const listed = await client.call("machine.list", {});
    assert.deepEqual(listed.map((machine) => `${machine.name} ${machine.state}`).sort(), [
      "Strange Name damaged",
      "first stopped",
      "second damaged",
    ]);
    assert.match(reasonOf(await show("second")), /not a file/);
    await client.call("machine.remove", { machine: "Strange Name" });
    await rm(file("second"), { recursive: true });
    await writeFile(file("second"), good);
    client.onEvent((event) => events.push(event));
  });

  it("is told as an event when an editor breaks it and when it heals", async () => {
    const heard = (state: string) =>
      until(`the event: second is ${state}`, () =>
        events.some((event) => event.event === "machine.changed" && event.machine.name === "second" && event.machine.state === state),
      );
    await writeFile(file("second"), "{");
    await heard("damaged");
    events.length = 0;
    await writeFile(file("second"), good);
    await heard("stopped");
  });

  it("keeps comments and order when values are set, and stays as it was when the values are wrong", async () => {
    const text = good.replace('"cpus"', '// as many as the desk allows\n  "cpus"');
    await writeFile(file("second"), text);
    await client.call("machine.set", { machine: "second", set: ["memory=300M", "note=for tests"] });
    const after = await readFile(file("second"), "utf8");
    assert.match(after, /\/\/ as many as the desk allows\n {2}"cpus"/);
    assert.match(after, /"memory": "300M"/);
    assert.deepEqual(keysOf(after), [...keysOf(text), "note"]);
    for (const wrong of [
      "cpus=0",
      "cpus=many",
      "memory=1",
      "memory=-1G",
      "memory=",
      "colour=red",
      "disks=3",
      "__proto__=1",
      "disks.0.bus=ide",
    ]) {
      const code = await client.call("machine.set", { machine: "second", set: [wrong] }).then(
        () => "accepted",
        (error: { code: string }) => error.code,
      );
      assert.ok(["invalid-definition", "usage"].includes(code), `${wrong}: ${code}`);
    }
    for (const fixed of ["id=00000000-0000-4000-8000-000000000000", "architecture=aarch64", "schema=2"]) {
      await assert.rejects(client.call("machine.set", { machine: "second", set: [fixed] }), { code: "invalid-definition" });
    }
    assert.equal(await readFile(file("second"), "utf8"), after);
  });

  it("that wants more memory or processors than the host has is refused, with what it has", async () => {
    const create = (more: { memory?: string; cpus?: number }) =>
      client.call("machine.create", { name: "greedy", image: "starter", ...more });
    await assert.rejects(create({ memory: "64T" }), { code: "not-enough-memory", message: /64T.*host/, hint: /--memory/ });
    await assert.rejects(create({ memory: "999999999999999999T" }), (error: { code: string }) =>
      ["usage", "invalid-definition", "not-enough-memory"].includes(error.code),
    );
    await assert.rejects(create({ cpus: 256 }), { code: "host-cannot", hint: /--cpus/ });
    await assert.rejects(create({ cpus: 257 }), { code: "usage" });
    await client.call("machine.set", { machine: "second", set: ["memory=64T"] });
    await assert.rejects(client.call("machine.start", { machine: "second" }), {
      code: "not-enough-memory",
      hint: /viv set second memory=/,
    });
    await client.call("machine.set", { machine: "second", set: ["memory=256M", "cpus=200"] });
    await assert.rejects(client.call("machine.start", { machine: "second" }), { code: "host-cannot", hint: /viv set second cpus=/ });
    await writeFile(file("second"), good);
    assert.equal((await show("second")).state, "stopped");
  });

  it("edited while the machine runs leaves it unharmed, by service and by successor", async () => {
    const started = await client.call("machine.start", { machine: "second" });
    await client.call("machine.set", { machine: "second", set: ["memory=320M"] });
    assert.deepEqual((await show("second")).pending, [{ path: "memory", before: "256M", after: "320M" }]);
    await client.call("machine.set", { machine: "second", set: ["networks[0].linkUp=false", 'networks.0.forwards=[{"guestPort":80}]'] });
    assert.deepEqual((await show("second")).pendingChanges, ["memory", "networks[0].linkUp", "networks[0].forwards"]);
    const pid = started.pid;
    for (const [text, pending] of [
      [changed((value) => Object.assign(value, { cpus: 1, note: "by hand" })), ["cpus"]],
      [changed((value) => (value["id"] = "00000000-0000-4000-8000-000000000000")), ["id"]],
      [changed((value) => (value["name"] = "third")), ["name"]],
      ["{ broken", []],
    ] as const) {
      await writeFile(file("second"), text);
      const shown = await show("second");
      assert.deepEqual([shown.state, shown.pid, shown.id, shown.pendingChanges], ["running", pid, started.id, pending]);
      await killVivd(home);
      client = await home.client();
      const adopted = await show("second");
      assert.deepEqual([adopted.state, adopted.pid, adopted.id], ["running", pid, started.id]);
      assert.ok(adopted.status.state === "running" && adopted.status.responding);
      await client.call("machine.pause", { machine: "second" });
      await client.call("machine.resume", { machine: "second" });
    }
    await client.call("machine.kill", { machine: "second" });
    assert.equal((await show("second")).state, "damaged");
    await writeFile(file("second"), good);
    assert.equal((await show("second")).state, "stopped");
  });

  for (const [what, lose] of Object.entries({
    "is rubbish": (state: string) => writeFile(state, "\0\0\0 not json"),
    "is of another form": (state: string) => writeFile(state, JSON.stringify({ schema: 7, wanted: "everything" })),
    "is gone": (state: string) => rm(state),
  })) {
    it(`whose state.json ${what} is found running by a new service, and nothing is started twice`, async () => {
      const { pid, id } = await client.call("machine.start", { machine: "second" });
      await killVivd(home);
      await lose(join(home.machineFolder("second"), "state.json"));
      client = await home.client();
      const found = await show("second");
      assert.deepEqual([found.state, found.pid, found.id, found.accelerator], ["running", pid, id, "tcg"]);
      assert.equal((await client.call("machine.start", { machine: "second" })).pid, pid);
      await client.call("machine.pause", { machine: "second" });
      await client.call("machine.kill", { machine: "second" });
      assert.equal((await show("second")).state, "stopped");
    });
  }

  it("copied with its folder cannot take the running original's sockets", async () => {
    await cp(home.machineFolder("second"), home.machineFolder("copy"), { recursive: true });
    await writeFile(file("copy"), good.replace('"name": "second"', '"name": "copy"'));
    await until("the copy is listed", async () => (await client.call("machine.list", {})).some((machine) => machine.name === "copy"));
    const original = await client.call("machine.start", { machine: "second" });
    await assert.rejects(client.call("machine.start", { machine: "copy" }), {
      code: "damaged",
      message: /same id as second/,
      hint: /"id"/,
    });
    await client.call("machine.pause", { machine: "second" });
    assert.equal((await show("second")).pid, original.pid);
    await client.call("machine.kill", { machine: "second" });
    await client.call("machine.remove", { machine: "copy" });
  });
});

function reasonOf({ status }: MachineDetails): string {
  return status.state === "damaged" ? status.reason : `not damaged: ${status.state}`;
}

function keysOf(text: string): string[] {
  return [...text.matchAll(/^ {2}"(\w+)":/gm)].map((match) => match[1] ?? "");
}
