import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseAccelerator, features, findToolchain, type HostReport, hostReport } from "../../../src/backends/index.ts";
import { cases } from "./cases.ts";
import { type Facts, fakeHost } from "./fake-host.ts";

describe("the host report", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "vivarium-report-"));
  });
  afterEach(() => rm(home, { recursive: true }));

  function facts(name: string): Facts {
    const one = cases[name];
    assert.ok(one);
    return one.facts;
  }

  async function report(of: Facts, changes: { refresh?: boolean; bootId?: string } = {}): Promise<{ report: HostReport; ran: string[] }> {
    const ran: string[] = [];
    const host = fakeHost(of, ran);
    const changed = changes.bootId === undefined ? host : { ...host, bootId: async () => changes.bootId ?? "" };
    const toolchain = await findToolchain({ host, home, bundlesFolder: "/nowhere" });
    return { report: await hostReport({ host: changed, toolchain, home, refresh: changes.refresh ?? false }), ran };
  }

  const guests = (ran: readonly string[]): number => ran.filter((line) => line.includes("<guest")).length;

  it("chooses exactly one accelerator, whatever the host", async () => {
    for (const { facts } of Object.values(cases)) {
      if (facts.qemu === undefined || typeof facts.qemu.version !== "string" || facts.qemu.version.startsWith("5")) continue;
      const { report: one } = await report(facts, { refresh: true });
      assert.deepEqual(
        one.accelerators.filter(({ chosen }) => chosen).map(({ name }) => name),
        [one.chosen],
      );
      const args = chooseAccelerator(one, { architecture: one.architecture, accelerator: "auto" }).arguments;
      assert.equal(args.filter((word) => word === "-accel").length, 1);
    }
  });

  it("runs the guests once a boot, and again after a boot, on request, or when /dev/kvm has become open", async () => {
    const open = facts("linux-kvm-works");
    assert.equal(guests((await report(open)).ran), 2);
    const again = await report(open);
    assert.equal(guests(again.ran), 0);
    assert.equal(again.report.probeMs, 0);
    assert.equal(again.report.chosen, "kvm");
    assert.equal(guests((await report(open, { bootId: "boot-2" })).ran), 2);
    assert.equal(guests((await report(open, { refresh: true })).ran), 2);
    assert.equal(guests((await report(facts("linux-kvm-denied"))).ran), 1);
  });

  it("takes a damaged cache for none", async () => {
    await report(facts("linux-kvm-works"));
    const file = join(home, "cache", "probe.json");
    for (const damage of ["", "{", '{"schema":2}', '{"schema":1,"entries":[{"key":1}]}']) {
      await writeFile(file, damage);
      assert.equal((await report(facts("linux-kvm-works"))).report.chosen, "kvm");
    }
    assert.match(await readFile(file, "utf8"), /"schema": 1/);
  });

  it("does not keep a verdict from a host too busy even for emulation", async () => {
    const busy = facts("linux-nested-crawls");
    assert.ok(busy.qemu);
    const never = { writes: [["1234567L", 400]] as const, exit: "hang" as const };
    const all: Facts = { ...busy, qemu: { ...busy.qemu, probes: { kvm: never, "tcg,thread=multi": never } } };
    assert.equal((await report(all)).report.chosen, "tcg");
    assert.equal(guests((await report(all)).ran), 2);
  });

  it("takes the accelerator's whole run for its loop when both ends of the loop came at once", async () => {
    const here = facts("linux-kvm-works");
    assert.ok(here.qemu);
    const atOnce = { writes: [["1234567LE", 60]] as const, exit: 85 };
    const { report: one } = await report({ ...here, qemu: { ...here.qemu, probes: { ...here.qemu.probes, kvm: atOnce } } });
    assert.equal(one.accelerators[0]?.score, 70);
  });

  it("lets the user have a slower accelerator, and refuses one that does not run", async () => {
    const slow = (await report(facts("linux-nested-slower-than-emulation"))).report;
    assert.equal(slow.chosen, "tcg");
    assert.equal(chooseAccelerator(slow, { architecture: "x86_64", accelerator: "kvm" }).name, "kvm");
    const trap = (await report(facts("linux-nested-trap"), { refresh: true })).report;
    assert.throws(() => chooseAccelerator(trap, { architecture: "x86_64", accelerator: "kvm" }), {
      code: "host-cannot",
      message: /cmpxchg16b/,
    });
    assert.throws(() => chooseAccelerator(trap, { architecture: "x86_64", accelerator: "hvf" }), {
      code: "host-cannot",
      message: /does not exist on Linux/,
    });
  });

  it("passes the machine's own processor model on", async () => {
    const { report: one } = await report(facts("linux-kvm-works"));
    const choice = chooseAccelerator(one, { architecture: "x86_64", accelerator: "auto", cpuModel: "Skylake-Client" });
    assert.deepEqual(choice.arguments, ["-accel", "kvm", "-cpu", "Skylake-Client"]);
  });

  it("says of every feature why it is missing", () => {
    for (const platform of ["linux", "darwin", "win32"] as const) {
      for (const accelerator of ["kvm", "hvf", "whpx", "tcg"] as const) {
        for (const one of features({ platform, accelerator, architecture: "x86_64", qemuVersion: "7.2.22", has: () => false })) {
          if (!one.available) assert.ok(one.reason, `${one.name} on ${platform}`);
        }
      }
    }
  });
});
