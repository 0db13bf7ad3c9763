import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cloneDefinition, goingOn } from "../../../src/machine/clone/identity.ts";
import { identityScript } from "../../../src/machine/clone/identityScript.ts";
import { growScript } from "../../../src/machine/disks/growScript.ts";
import type { Definition } from "../../../src/model/index.ts";

/** A clone is another machine; what memory already knows of its hardware stays until it starts anew. */
describe("the identity of a clone", () => {
  const first = {
    id: "11111111-1111-4111-8111-111111111111",
    name: "first",
    networks: [
      { mode: "nat", mac: "52:54:00:00:00:01", forwards: [{ protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }] },
      { mode: "none", mac: "52:54:00:00:00:02" },
    ],
  } as unknown as Definition;
  const macs = (definition: Definition) => definition.networks.map(({ mac }) => mac);

  it("is new in its definition: UUID, name, addresses; host ports are left to be chosen", () => {
    const clone = cloneDefinition(first, "second");
    assert.equal(clone.name, "second");
    assert.notEqual(clone.id, first.id);
    for (const [index, mac] of macs(clone).entries()) {
      assert.match(mac, /^52:54:00(:[0-9a-f]{2}){3}$/);
      assert.notEqual(mac, macs(first)[index]);
    }
    const [nat] = clone.networks;
    assert.deepEqual(nat?.mode === "nat" ? nat.forwards : undefined, [{ protocol: "tcp", hostAddress: "127.0.0.1", guestPort: 80 }]);
  });

  it("keeps the addresses that saved memory knows while it goes on with it", () => {
    const clone = cloneDefinition(first, "second");
    const woken = goingOn(clone, first);
    assert.deepEqual(macs(woken), macs(first));
    assert.deepEqual([woken.id, woken.name], [clone.id, "second"]);
  });

  it("its script, and the one that grows a disk, are what every shell reads", () => {
    for (const script of [identityScript, growScript]) execFileSync("sh", ["-n"], { input: script });
  });
});
