import assert from "node:assert/strict";
import { Drafts } from "../../../../src/webviews/settings/page/drafts.ts";

describe("what was typed and is not written", () => {
  it("stays when it is refused, with the reason", () => {
    const drafts = new Drafts();
    drafts.put("cpus", "999", 2);
    drafts.refused(drafts.send("cpus").serial, { cpus: "too many" });
    assert.equal(drafts.input("cpus"), "999");
    assert.equal(drafts.refusal("cpus"), "too many");
  });

  it("goes when the document has it", () => {
    const drafts = new Drafts();
    drafts.put("cpus", "3", 2);
    drafts.written(drafts.send("cpus").serial, () => 3);
    assert.equal(drafts.input("cpus"), undefined);
  });

  it("stays when the person typed on before the answer came", () => {
    const drafts = new Drafts();
    drafts.put("group", "we", undefined);
    const { serial } = drafts.send("group");
    drafts.put("group", "web", undefined);
    drafts.written(serial, () => "we");
    drafts.outside(() => "we");
    assert.equal(drafts.input("group"), "web");
  });

  it("hears no answer to what has been typed over", () => {
    const drafts = new Drafts();
    drafts.put("cpus", "999", 2);
    const { serial } = drafts.send("cpus");
    drafts.put("cpus", "3", 2);
    drafts.refused(serial, { cpus: "too many" });
    assert.equal(drafts.refusal("cpus"), undefined);
  });

  it("gives way to the document where that changed by other hands, and only there", () => {
    const drafts = new Drafts();
    drafts.put("cpus", "999", 2);
    drafts.put("memory", "x", "1G");
    drafts.outside((path) => (path === "cpus" ? 4 : "1G"));
    assert.deepEqual(drafts.paths, ["memory"]);
  });

  it("is sent with what was typed beside it in the same object", () => {
    const drafts = new Drafts();
    drafts.put("firmware.type", "direct-kernel", "bios");
    drafts.refused(drafts.send("firmware.type").serial, { "firmware.kernel": "needed" });
    assert.equal(drafts.refusal("firmware.kernel"), "needed");
    drafts.put("firmware.kernel", "vmlinuz", undefined);
    drafts.put("cpus", "x", 2);
    assert.deepEqual(
      drafts.send("firmware.kernel").inputs.map(({ path }) => path),
      ["firmware.type", "firmware.kernel"],
    );
    drafts.discard("firmware.kernel");
    assert.deepEqual(drafts.paths, ["cpus"]);
    assert.equal(drafts.refusal("firmware.kernel"), undefined);
  });

  it("comes back with the page", () => {
    const drafts = new Drafts();
    drafts.put("cpus", "999", 2);
    assert.equal(new Drafts(drafts.saved).input("cpus"), "999");
  });
});
