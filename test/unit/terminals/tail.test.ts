import assert from "node:assert/strict";
import { afterTail, Tail } from "../../../src/terminals/tail.ts";

describe("the place where a serial terminal stopped", () => {
  const rest = (log: string, ...shown: string[]) => {
    const tail = new Tail();
    for (const text of shown) tail.push(Buffer.from(text));
    return afterTail(Buffer.from(log), tail.bytes).toString();
  };

  it("gives what the log says since", () => assert.equal(rest("boot\nlogin: \nnew\n", "boot\n", "login: "), "\nnew\n"));
  it("gives nothing when nothing was said", () => assert.equal(rest("boot\n", "boot\n"), ""));
  it("gives the whole log to a terminal that showed nothing", () => assert.equal(rest("boot\n"), "boot\n"));
  it("gives the whole log when the place is not in it", () => assert.equal(rest("another run\n", "boot\n"), "another run\n"));
  it("takes the last of several places", () => assert.equal(rest("# \n# \n# ls\n", "# \n# "), "ls\n"));
  it("needs no more than the end of what was shown", () => {
    const shown = `${"x".repeat(5000)}end`;
    assert.equal(rest(`${shown}more`, shown), "more");
  });
});
