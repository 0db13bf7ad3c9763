import assert from "node:assert/strict";
import { stub } from "../../editor/support/load.ts";

const { addition, isRemovable, netbootAddition } = await import("../../../../src/webviews/settings/additions.ts");
const { sizeProblem, diskAction } = await import("../../../../src/webviews/settings/diskActions.ts");
const { readDefinition } = await import("../../../../src/webviews/settings/document.ts");
const { editText } = await import("../../../../src/webviews/settings/edits.ts");
const { sampleText } = await import("./support/sample.ts");

describe("what can be added to a definition", () => {
  it("is a netboot that is right at once", () => {
    const added = netbootAddition("networks.0.netboot", "/srv/tftp", "boot.ipxe");
    assert.deepEqual(added, {
      edit: { path: "networks.0.netboot", value: { directory: "/srv/tftp", file: "boot.ipxe" } },
      focus: "networks.0.netboot.directory",
    });
    const read = readDefinition(editText(sampleText, [added.edit]));
    assert.deepEqual(read.kind === "read" && read.problems, []);
    assert.ok(isRemovable("networks.0.netboot"));
  });

  it("is no netboot of something that is no adapter, and no disk: vivd makes those", () => {
    assert.equal(netbootAddition("disks.0.netboot", "/srv", "x"), undefined);
    assert.equal(
      addition({ disks: [] }, "disks", () => ""),
      undefined,
    );
    assert.ok(!isRemovable("disks.0"));
  });
});

describe("the size of a disk", () => {
  for (const [text, problem] of [
    ["12G", undefined],
    [" 12 GiB ", undefined],
    ["10G", "More than 10 GiB."],
    ["1G", "More than 10 GiB."],
    ["17T", "At most 16 TiB."],
    ["large", "A size such as 512M or 4G."],
    ["", "A size such as 512M or 4G."],
    ["-5G", "A size such as 512M or 4G."],
  ] as const)
    it(`“${text}” beyond 10 GiB: ${problem ?? "taken"}`, () => assert.equal(sizeProblem(text, 10 * 1024 ** 3 + 1), problem));
});

describe("the form's buttons for disks", () => {
  afterEach(() => stub.reset());
  const asked: unknown[] = [];
  const editor = { service: { call: async (...words: unknown[]) => asked.push(words.slice(0, 2)) } } as never;
  const machine = { id: "id-of-web", name: "web", disks: [{ id: "root", virtualBytes: 10 * 1024 ** 3 }] } as never;
  beforeEach(() => asked.splice(0));

  it("ask for the size, then let vivd make the disk", async () => {
    stub.answers.set("Add a disk to web", "12G");
    await diskAction(editor, machine, "add", "");
    assert.deepEqual(asked, [["disk.add", { machine: "id-of-web", size: "12G" }]]);
  });

  it("offer twice the size, and refuse what is no larger", async () => {
    stub.answers.set("Enlarge disk root of web", "20G");
    await diskAction(editor, machine, "enlarge", "root");
    const box = stub.shown[0]?.details as { value: string; validateInput(text: string): string | undefined } | undefined;
    assert.equal(box?.value, "20G");
    assert.equal(box.validateInput("10G"), "More than 10 GiB.");
    assert.deepEqual(asked, [["disk.resize", { machine: "id-of-web", disk: "root", size: "20G" }]]);
  });

  it("ask before a disk is taken away", async () => {
    await diskAction(editor, machine, "remove", "root");
    assert.deepEqual(asked, [], "no answer is no");
    stub.answers.set("Remove disk root of web?", "Remove Disk");
    await diskAction(editor, machine, "remove", "root");
    assert.deepEqual(asked, [["disk.remove", { machine: "id-of-web", disk: "root" }]]);
  });

  it("do nothing when the question is closed", async () => {
    await diskAction(editor, machine, "add", "");
    assert.deepEqual(asked, []);
  });
});
