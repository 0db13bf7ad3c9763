import assert from "node:assert/strict";
import { parse } from "jsonc-parser";
import { addition, isRemovable } from "../../../../src/webviews/settings/additions.ts";
import { type Checked, checkEdits, checkInputs, type Input } from "../../../../src/webviews/settings/check.ts";
import { host, sampleText } from "./support/sample.ts";

const check = (inputs: Record<string, Input>, text = sampleText) =>
  checkInputs(
    text,
    Object.entries(inputs).map(([path, input]) => ({ path, input })),
    host,
  );

function written(checked: Checked): Record<string, unknown> {
  assert.ok("text" in checked, `refused: ${JSON.stringify(checked)}`);
  return parse(checked.text) as Record<string, unknown>;
}

function problems(checked: Checked): Readonly<Record<string, string>> {
  assert.ok("problems" in checked, "it was taken");
  return checked.problems;
}

describe("what stands in a field", () => {
  it("becomes a number where the setting is one", () => {
    assert.equal(written(check({ cpus: " 3 " }))["cpus"], 3);
  });

  for (const [path, input, problem] of [
    ["cpus", "0", "A whole number from 1 to 256."],
    ["cpus", "9999", "A whole number from 1 to 256."],
    ["cpus", "two", "A whole number from 1 to 256."],
    ["cpus", "-1", "A whole number from 1 to 256."],
    ["cpus", "", "A value is needed."],
    ["cpus", "17", "This host has 4 cores and runs at most 16 processors."],
    ["memory", "lots", "A size such as 512M or 4G."],
    ["memory", "1M", "Must be at least 32M."],
    ["memory", "33.3M", "Must be a whole number of MiB."],
    ["memory", "64G", "This host has 8 GiB of memory."],
    ["memory", "", "A value is needed."],
    ["networks.0.mac", "01:00:5e:00:00:01", "A unicast MAC address in lower case, such as 52:54:00:12:34:56."],
    ["networks.0.forwards.0.hostPort", "70000", "A whole number from 1 to 65535."],
    ["networks.0.forwards.0.hostAddress", "localhost", "An IP address of this host, such as 127.0.0.1."],
    ["guestUser", "Robert'); DROP", "A user name of the guest: lower-case letters, digits, _ and -."],
    ["machineType", "-cpu", "A machine type of QEMU, such as pc-q35-10.0."],
    ["disks.0.limits.writeBytesPerSecond", "fast", "Bytes a second, such as 512K or 20M; empty for no limit."],
    ["disks.0.limits.writeBytesPerSecond", "9000T", "Bytes a second, such as 512K or 20M; empty for no limit."],
    ["disks.0.limits.readsPerSecond", "1.5", "A whole number from 0 to 1000000000000000."],
    ["group", "x".repeat(61), "At most 60 characters."],
    ["accelerator", "vmx", "One of: auto, kvm, hvf, whpx, tcg."],
    ["name", "other", "This cannot be changed here."],
    ["id", "x", "This cannot be changed here."],
    ["nonsense.path", "1", "This cannot be changed here."],
  ] as const) {
    it(`is refused at the field: ${path} ${JSON.stringify(input.slice(0, 20))}`, () => {
      assert.deepEqual(problems(check({ [path]: input })), { [path]: problem });
    });
  }

  it("is a size where the setting is bytes a second, and the last limit takes what held it along", () => {
    const limited = check({ "disks.0.limits.writeBytesPerSecond": "20M", "disks.0.limits.readsPerSecond": "500" });
    const disk = { id: "disk0", file: "disk0.qcow2" };
    assert.deepEqual(written(limited)["disks"], [{ ...disk, limits: { writeBytesPerSecond: 20 * 1024 ** 2, readsPerSecond: 500 } }]);
    assert.ok("text" in limited);
    const one = check({ "disks.0.limits.readsPerSecond": "" }, limited.text);
    assert.deepEqual(written(one)["disks"], [{ ...disk, limits: { writeBytesPerSecond: 20 * 1024 ** 2 } }]);
    assert.ok("text" in one);
    assert.deepEqual(written(check({ "disks.0.limits.writeBytesPerSecond": "" }, one.text))["disks"], [disk]);
  });

  it("takes an optional key out when it is emptied, and keeps a default", () => {
    assert.ok(!("note" in written(check({ note: "" }))));
    assert.equal(written(check({ guestUser: "" }))["guestUser"], "root");
  });

  it("may be a note of several lines", () => {
    assert.equal(written(check({ note: "one\n<script>alert(1)</script>\n" }))["note"], "one\n<script>alert(1)</script>\n");
  });

  it("does not hold other problems of the file against a field", () => {
    const text = sampleText.replace('"bios"', '"coreboot"');
    assert.equal(written(check({ cpus: "3" }, text))["cpus"], 3);
  });

  it("is not written into a text that is no JSON", () => {
    assert.deepEqual(check({ cpus: "3" }, "{"), { problems: {} });
  });
});

describe("settings that are only right together", () => {
  it("ask for the kernel before the firmware is written", () => {
    assert.deepEqual(problems(check({ "firmware.type": "direct-kernel" })), { "firmware.kernel": "A value is needed." });
    assert.deepEqual(written(check({ "firmware.type": "direct-kernel", "firmware.kernel": "vmlinuz" }))["firmware"], {
      type: "direct-kernel",
      kernel: "vmlinuz",
    });
  });

  it("take the keys of the other kind away", () => {
    const direct = sampleText.replace('{ "type": "bios" }', '{ "type": "direct-kernel", "kernel": "vmlinuz", "append": "quiet" }');
    assert.deepEqual(written(check({ "firmware.type": "uefi" }, direct))["firmware"], { type: "uefi" });
    assert.deepEqual(written(check({ "networks.0.mode": "none" }))["networks"], [{ mode: "none", mac: "52:54:00:12:34:56" }]);
  });

  it("are named when they clash", () => {
    const second = { mode: "none", mac: "52:54:00:12:34:57" };
    const two = checkEdits(sampleText, [{ path: "networks.1", value: second }], host);
    assert.ok("text" in two);
    assert.deepEqual(problems(check({ "networks.1.mac": "52:54:00:12:34:56" }, two.text)), {
      "networks.1.mac": "Is used by another adapter of this machine.",
    });
  });
});

describe("Add", () => {
  const values = parse(sampleText) as Record<string, unknown>;
  const add = (list: string, from: unknown = values) => addition(from, list, () => "52:54:00:aa:bb:cc");

  for (const list of ["networks", "networks.0.forwards", "cdrom"]) {
    it(`makes what the model takes: ${list}`, () => {
      const added = add(list);
      assert.ok(added);
      written(checkEdits(sampleText, [added.edit], host));
    });
  }

  it("offers a port that is not forwarded yet", () => {
    const with80 = parse(sampleText.replace('"guestPort": 22', '"guestPort": 80')) as unknown;
    assert.deepEqual(add("networks.0.forwards", with80)?.edit.value, { protocol: "tcp", hostAddress: "127.0.0.1", guestPort: 443 });
  });

  it("ends at the schema's limits and knows no other lists", () => {
    assert.equal(add("networks", { networks: [1, 2, 3, 4] }), undefined);
    for (const list of ["disks", "__proto__", "networks.0", "devices"]) assert.equal(add(list), undefined, list);
  });

  it("has its opposite for what it can add, and for nothing else", () => {
    for (const path of ["cdrom", "networks.0", "networks.3.forwards.12", "networks.0.netboot"]) assert.ok(isRemovable(path), path);
    for (const path of ["id", "disks.0", "networks", "networks.0.mac", "firmware"]) assert.ok(!isRemovable(path), path);
  });
});
