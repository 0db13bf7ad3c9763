import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  asVivError,
  checkDefinition,
  definitionJsonSchema,
  errorCodes,
  exitCode,
  humanBytes,
  parseBytes,
  requireDuration,
  requireMachineName,
  sizeText,
} from "../../../src/model/index.ts";

const minimal = {
  schema: 1,
  id: "3e2f6d1a-8a5b-4c3d-9e1f-0a1b2c3d4e5f",
  name: "web",
  architecture: "x86_64",
  machineType: "pc-q35-10.0",
  cpus: 2,
  memory: "1G",
  firmware: { type: "bios" },
};

function problemsOf(change: Record<string, unknown>): string[] {
  const checked = checkDefinition({ ...minimal, ...change });
  return "problems" in checked ? checked.problems.map((problem) => `${problem.path}: ${problem.message}`) : [];
}

describe("a definition", () => {
  it("gets the defaults of what is left out", () => {
    const checked = checkDefinition(minimal);
    assert.ok("definition" in checked);
    assert.deepEqual(checked.definition.display, { type: "virtio", width: 1024, height: 768 });
    assert.deepEqual([checked.definition.accelerator, checked.definition.guestUser, checked.definition.disks], ["auto", "root", []]);
  });

  it("names the place of each problem", () => {
    assert.deepEqual(problemsOf({ memory: "lots" }), ["memory: must be a size such as 512M or 10G"]);
    assert.deepEqual(problemsOf({ memory: "1M" }), ["memory: must be at least 32M"]);
    assert.deepEqual(problemsOf({ memory: String(64 * 1024 ** 2 + 1) }), ["memory: must be a whole number of MiB"]);
    assert.match(problemsOf({ colour: "red" }).join(), /Unrecognized key: "colour"/);
    assert.match(problemsOf({ cpus: 0 }).join(), /^cpus: /);
  });

  it("refuses ids that are used twice", () => {
    const disk = { id: "a", file: "a.qcow2" };
    assert.deepEqual(problemsOf({ disks: [disk, disk] }), ["disks.1.id: is used by another disk of this machine"]);
    const adapter = { mode: "nat", mac: "52:54:00:00:00:01" };
    assert.deepEqual(problemsOf({ networks: [adapter, adapter] }), ["networks.1.mac: is used by another adapter of this machine"]);
  });

  it("refuses multicast addresses, control characters in paths and a BIOS on aarch64", () => {
    assert.match(problemsOf({ networks: [{ mode: "none", mac: "53:54:00:00:00:01" }] }).join(), /unicast/);
    assert.match(problemsOf({ disks: [{ id: "a", file: "a\nb" }] }).join(), /control characters/);
    assert.match(problemsOf({ architecture: "aarch64" }).join(), /bios does not exist/);
  });

  it("of a newer version is said to be newer, whatever else it holds", () => {
    assert.deepEqual(problemsOf({ schema: 2, quantum: true }), ["schema: is version 2; this Vivarium reads version 1 (update Vivarium)"]);
  });

  it("has its JSON schema committed as the model says", () => {
    const committed = readFileSync(join(import.meta.dirname, "../../../media/vm.schema.json"), "utf8");
    assert.equal(committed, `${JSON.stringify(definitionJsonSchema(), null, 2)}\n`, "run: npm run schema");
  });
});

describe("a machine's name", () => {
  it("may have letters, digits and dashes", () => {
    assert.equal(requireMachineName("web-2"), "web-2");
  });
  for (const name of ["", "-web", "2web", "Web", "a b", "a/b", "..", "a\nb", "é", "🦊", "a".repeat(42), `a${"b".repeat(300)}`]) {
    it(`may not be ${JSON.stringify(name.slice(0, 12))}${name.length > 12 ? "…" : ""}`, () => {
      assert.throws(() => requireMachineName(name), { code: "invalid-name" });
    });
  }
});

describe("units", () => {
  it("read sizes in powers of 1024", () => {
    assert.deepEqual(["512M", "1.5GiB", "4096", "10 g", "1T"].map(parseBytes), [536870912, 1610612736, 4096, 10737418240, 1099511627776]);
    assert.deepEqual(["", "M", "1X", "-1M", "1e3", "9999999999T"].map(parseBytes), [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
  it("write sizes that read back", () => {
    for (const bytes of [0, 1, 1024, 1536, 536870912, 1610612736]) assert.equal(parseBytes(sizeText(bytes)), bytes);
  });
  it("write sizes for people", () => {
    assert.deepEqual([0, 1023, 1536, 312 * 1024 ** 2, 1024 ** 3].map(humanBytes), ["0 B", "1023 B", "1.5 KiB", "312 MiB", "1 GiB"]);
  });
  it("read durations, seconds where no unit is given", () => {
    assert.deepEqual(["500ms", "90s", "2m", "1h", "10", "0.5s"].map(requireDuration), [500, 90_000, 120_000, 3_600_000, 10_000, 500]);
    assert.throws(() => requireDuration("soon"), { code: "usage" });
  });
});

describe("errors", () => {
  it("have an exit code each, as the command line's contract says", () => {
    for (const code of Object.keys(errorCodes)) assert.ok([1, 2, 3, 4, 5].includes(exitCode(code as keyof typeof errorCodes)));
    assert.deepEqual([exitCode("not-found"), exitCode("wrong-state"), exitCode("usage"), exitCode("host-cannot")], [3, 4, 2, 5]);
  });
  it("of a full disk are recognised", () => {
    assert.equal(asVivError(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" })).code, "disk-full");
  });
  it("of any kind keep their cause", () => {
    const cause = new TypeError("x");
    assert.equal(asVivError(cause).cause, cause);
  });
});
