import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, killHard, killVivd, type Pauses, pausesIn, qemuPids, show, until } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { makeWorld, type World } from "./world.ts";

/**
 * `kill -9` of vivd, and of the QEMU that is at work, at every step of templates and forks. Whatever is killed: the machine
 * a template is made of goes on, nothing half-made is left and nobody runs that nobody knows, the template is whole, and the
 * same request then succeeds.
 */
const table = [
  { method: "template", step: "saving memory", victims: ["vivd"] },
  { method: "template", step: "making the template", victims: ["vivd"] },
  { method: "template", step: "waiting for QEMU", victims: ["vivd"] },
  { method: "template", step: "reading memory", victims: ["vivd", "QEMU"] },
  { method: "template", step: "saving the devices", victims: ["vivd", "QEMU"] },
  { method: "template", step: "flushing", victims: ["vivd"] },
  { method: "fork", step: "starting QEMU", victims: ["vivd"] },
  { method: "fork", step: "waiting for QEMU", victims: ["vivd", "QEMU"] },
  { method: "fork", step: "continuing", victims: ["vivd", "QEMU"] },
] as const;

describe("kill -9 at every step of templates and forks", function () {
  this.timeout(300_000);
  let world: World;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let webPid: number;

  before(async () => {
    world = await makeWorld();
    pauses = pausesIn(world.folder);
    home = await testHome({ environment: pauses.environment });
    client = await home.client();
    await starterMachine(client, "web", { start: true });
    webPid = (await show(client, "web")).pid ?? 0;
    await client.call("template.create", { machine: "web", name: "whole" });
  });
  after(async () => {
    await home.dispose();
    await world.dispose();
  });

  const request = (method: "template" | "fork") =>
    method === "template"
      ? client.call("template.create", { machine: "web", name: "new" })
      : client.call("fork.create", { source: "whole", names: ["one"] });

  const names = async (folder: string) => (await readdir(join(home.folder, folder))).sort();

  for (const { method, step, victims } of table)
    for (const victim of victims)
      it(`${method}, ${step}: ${victim}`, async () => {
        const pause = await pauses.at(method, step);
        const failing = codeOf(request(method));
        await pause.reached();
        const others = (await qemuPids(home.folder)).filter((pid) => pid !== webPid);
        if (victim === "vivd") await killVivd(home);
        else {
          assert.equal(others.length, 1);
          await killHard(others[0] ?? 0);
        }
        await pause.release();
        assert.notEqual(await failing, undefined, "the request fails");
        client = await home.client();
        assert.equal((await show(client, "web")).pid, webPid, "the machine it is of goes on");
        assert.equal(await guest(client, "web", "echo", "well"), "well");
        const goesOn = method === "fork" && step === "continuing" && victim === "vivd";
        if (goesOn) await client.call("fork.remove", { machine: "one" });
        await until("nobody runs that nobody knows", async () => (await qemuPids(home.folder)).length === 1);
        assert.deepEqual(await names("machines"), ["web"]);
        assert.deepEqual(await names("templates"), ["whole"]);
        assert.deepEqual((await client.call("snapshot.list", { machine: "web" })).snapshots, []);
        await request(method);
        if (method === "template") {
          await client.call("fork.create", { source: "new", names: ["one"] });
          assert.equal(await guest(client, "one", "hostname"), "one");
        }
        await client.call("fork.remove", { machine: "one" });
        if (method === "template") await client.call("template.remove", { template: "new" });
      });

  it("a template that is being removed when vivd dies is gone or whole", async () => {
    await client.call("template.create", { machine: "web", name: "gone" });
    const removing = codeOf(client.call("template.remove", { template: "gone" }));
    await killVivd(home);
    await removing;
    client = await home.client();
    const left = (await client.call("template.list", {})).map(({ name }) => name);
    assert.deepEqual(await names("templates"), left);
    if (left.includes("gone")) await client.call("template.remove", { template: "gone" });
  });

  it("twenty asked for at once, and as many requests for one name: nobody gets another's", async () => {
    const asked = await Promise.all(Array.from({ length: 5 }, () => client.call("fork.create", { source: "whole", count: 2 })));
    const all = asked.flat();
    assert.equal(new Set(all.map(({ name }) => name)).size, 10);
    const said = await Promise.all(all.map(({ name }) => guest(client, name, "hostname")));
    assert.deepEqual(
      said,
      all.map(({ name }) => name),
    );
    await Promise.all(all.map(({ name }) => client.call("fork.remove", { machine: name })));
    const same = await Promise.all(
      Array.from({ length: 4 }, () => codeOf(client.call("fork.create", { source: "whole", names: ["same"] }))),
    );
    assert.deepEqual(same.sort(), [undefined, "exists", "exists", "exists"].sort());
    await client.call("fork.remove", { machine: "same" });
    const templates = await Promise.all(
      Array.from({ length: 2 }, () => codeOf(client.call("template.create", { machine: "web", name: "twice" }))),
    );
    assert.deepEqual(templates.filter((code) => code === undefined).length, 1, JSON.stringify(templates));
  });
});
