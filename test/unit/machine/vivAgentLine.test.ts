import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { VivAgentLine, vivAgentPortId } from "../../../src/machine/vivAgentLine.ts";

/** An agent that greets every host and answers nothing else. */
function greeter(): { dial: () => Promise<Duplex>; dialled: () => number } {
  let count = 0;
  return {
    dialled: () => count,
    async dial() {
      count += 1;
      const [near, far] = duplexPair();
      far.on("error", () => undefined);
      far.once("data", (mark: Buffer) => {
        const header = Buffer.alloc(12);
        header.writeUInt32LE(8, 0);
        header[4] = 1;
        header.writeUInt16LE(0x5657 ^ 8 ^ (1 << 8), 6);
        far.write(
          Buffer.concat([
            Buffer.from("VIVARIUM-GUEST\r\n"),
            mark.subarray(16, 32),
            header,
            Buffer.from([1, 0, 0, 0]),
            Buffer.from("b\nx\n"),
          ]),
        );
      });
      return near;
    },
  };
}

describe("the line to viv-agent", () => {
  it("asks QEMU where no event told, and says when there is none", async () => {
    const { dial, dialled } = greeter();
    await assert.rejects(new VivAgentLine(dial, async () => false).client(), { code: "agent-unavailable" });
    assert.equal(dialled(), 0);
    assert.equal((await new VivAgentLine(dial, async () => true).client()).build, "b");
  });

  it("is one connection for all, made anew when the guest's end was closed", async () => {
    const { dial, dialled } = greeter();
    const line = new VivAgentLine(dial, async () => false);
    line.portChanged("another-port", true);
    line.portChanged(vivAgentPortId, true);
    assert.equal(await line.client(), await line.client());
    assert.equal(dialled(), 1);
    line.portChanged(vivAgentPortId, false);
    await assert.rejects(line.client(), { code: "agent-unavailable" });
    line.portChanged(vivAgentPortId, true);
    await line.client();
    assert.equal(dialled(), 2);
  });

  it("knows an agent that went and came within one event: its commands end, the next one is heard", async () => {
    const { dial, dialled } = greeter();
    const line = new VivAgentLine(dial, async () => false);
    line.portChanged(vivAgentPortId, true);
    const lost = (await line.client()).run({ words: ["sleep", "100"] });
    line.portChanged(vivAgentPortId, true);
    await assert.rejects(lost.exit, { code: "agent-unavailable" });
    await line.client();
    assert.equal(dialled(), 2);
  });
});
