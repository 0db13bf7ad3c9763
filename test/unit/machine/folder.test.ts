import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  editDefinition,
  loadDefinition,
  loadState,
  machinePaths,
  parseAssignment,
  parseDefinition,
  readTail,
  writeFileAtomically,
} from "../../../src/machine/index.ts";

describe("vm.json as text", () => {
  it("keeps comments and order when a value changes", () => {
    const text = '{\n  // how much\n  "memory": "1G", // enough\n  "cpus": 2\n}\n';
    assert.equal(editDefinition(text, [{ path: ["memory"], value: "2G" }]), text.replace('"1G"', '"2G"'));
  });
  it("tells line and column of what does not parse", () => {
    assert.deepEqual(parseDefinition('{\n  "cpus": ,\n}'), { problem: "line 2, column 11: ValueExpected" });
  });
  it("is refused with the place and reason of each problem", () => {
    const parsed = parseDefinition('{"schema": 1}');
    assert.match("problem" in parsed ? parsed.problem : "", /id .*name .*architecture/);
  });
});

describe("KEY=VALUE", () => {
  it("names a place and a value, JSON where it is JSON", () => {
    assert.deepEqual(parseAssignment("networks.0.mode=none"), { path: ["networks", 0, "mode"], value: "none" });
    assert.deepEqual(parseAssignment("cpus=4"), { path: ["cpus"], value: 4 });
    assert.deepEqual(parseAssignment('note=a "quoted" = sign'), { path: ["note"], value: 'a "quoted" = sign' });
    assert.deepEqual(parseAssignment("group="), { path: ["group"], value: undefined });
  });
  for (const wrong of ["cpus", "=4", "a b=1", "__proto__.x=1", "a..b=1", ".a=1", "a/b=1"]) {
    it(`is refused: ${wrong}`, () => assert.throws(() => parseAssignment(wrong), { code: "usage" }));
  }
});

describe("files of a machine", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-folder-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("are replaced whole, with nothing beside them", async () => {
    const file = join(folder, "x");
    await writeFileAtomically(file, "one", { durable: true });
    await writeFileAtomically(file, "two");
    assert.deepEqual([await readFile(file, "utf8"), await readdir(folder)], ["two", ["x"]]);
  });
  it("leave no temporary file behind when writing fails", async () => {
    await assert.rejects(writeFileAtomically(join(folder, "missing", "x"), "one"));
    assert.deepEqual(await readdir(folder), []);
  });
  it("give their last bytes, or nothing when they are not there", async () => {
    await writeFile(join(folder, "log"), "0123456789");
    assert.deepEqual([await readTail(join(folder, "log"), 4), await readTail(join(folder, "none"), 4)], ["6789", ""]);
  });
  it("without vm.json are damaged, in words", async () => {
    const loaded = await loadDefinition(machinePaths(folder));
    assert.ok("problem" in loaded);
    assert.equal(loaded.problem, "vm.json is missing");
  });
  it("with an unreadable state.json start from the facts", async () => {
    await writeFile(join(folder, "state.json"), '{"schema": 1, "wanted": "dancing"}');
    assert.deepEqual(await loadState(machinePaths(folder)), {
      state: { schema: 1, wanted: "stopped", readinessHistory: [] },
      rebuilt: true,
    });
  });
});
