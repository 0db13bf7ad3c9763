import assert from "node:assert/strict";
import { addForward, commandText, removeForward } from "../../../src/qemu/index.ts";
import { json, keyValues } from "../../../src/qemu/words.ts";

describe("words of a command line", () => {
  it("doubles commas in values, and only there", () => {
    assert.equal(
      keyValues("socket", { id: "a", path: "/x,y", server: true, wait: false, more: undefined }),
      "socket,id=a,path=/x,,y,server=on,wait=off",
    );
  });

  for (const bad of ["new\nline", "nul\u0000", "bell\u0007", "del\u007f", "half \ud83d character"]) {
    it(`refuses ${JSON.stringify(bad)} in both notations`, () => {
      assert.throws(() => keyValues(undefined, { path: bad }), { code: "invalid-definition" });
      assert.throws(() => json({ file: { names: [bad] } }), { code: "invalid-definition" });
    });
  }

  it("leaves everything else as it is", () => {
    const odd = "a b\"c'd\\e=f;g|h ünï 数 🦊 $(x) `y`";
    assert.deepEqual(JSON.parse(json({ file: odd })), { file: odd });
    assert.equal(keyValues(undefined, { path: odd }), `path=${odd}`);
  });
});

describe("command text", () => {
  it("has one option a line and survives a shell", () => {
    const text = commandText(["/lib/ld.so", "--library-path", "/a b"], ["-S", "-name", "guest=it's", "-nodefaults", "-append", "-x"]);
    assert.equal(text, "/lib/ld.so --library-path '/a b' \\\n  -S \\\n  -name 'guest=it'\\''s' \\\n  -nodefaults \\\n  -append -x\n");
  });
});

describe("commands of the human monitor", () => {
  const rule = { protocol: "udp", hostAddress: "127.0.0.1", hostPort: 5353, guestPort: 53 } as const;

  it("are built from parts", () => {
    assert.equal(addForward("u0", rule), "hostfwd_add u0 udp:127.0.0.1:5353-:53");
    assert.equal(removeForward("u0", rule), "hostfwd_remove u0 udp:127.0.0.1:5353");
  });

  it("refuse parts that could become other commands", () => {
    assert.throws(() => addForward("u0 x\nquit", rule), { code: "internal" });
    assert.throws(() => addForward("u0", { ...rule, hostAddress: "0 quit" }), { code: "host-cannot" });
    assert.throws(() => addForward("u0", { ...rule, hostPort: 1.5 }), { code: "usage" });
    assert.throws(() => addForward("u0", { ...rule, guestPort: 70_000 }), { code: "usage" });
  });
});
