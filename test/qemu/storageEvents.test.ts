import assert from "node:assert/strict";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { type TestHome, testHome } from "../support/home.ts";

/** Who shows disks and snapshots asks again when this event comes, and never otherwise. */
describe("the event of changed disks and snapshots", function () {
  this.timeout(60_000);
  let home: TestHome;
  let client: VivClient;
  let events: VivEvent[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    for (const name of ["one", "two"]) await client.call("machine.create", { name, image: "starter", memory: "256M" });
    const other = await home.client();
    other.onEvent((event) => events.push(event));
  });
  after(() => home.dispose());
  beforeEach(() => {
    events = [];
  });

  /** Names of the machines it came for; an event that is still on its way is there after one more answer. */
  async function changed(): Promise<string[]> {
    await client.call("machine.list", {});
    await new Promise((wake) => setTimeout(wake, 50));
    return events.flatMap((event) => (event.event === "machine.storageChanged" ? [event.name] : []));
  }

  it("comes once to every client after a snapshot, a new note, a disk, a limit, for that machine alone", async () => {
    await client.call("snapshot.create", { machine: "one", name: "s1" });
    assert.deepEqual(await changed(), ["one"]);
    await client.call("snapshot.edit", { machine: "one", snapshot: "s1", note: "new" });
    await client.call("disk.add", { machine: "one", size: "16M" });
    await client.call("disk.limit", { machine: "two", disk: "disk0", limits: { readsPerSecond: 100 } });
    assert.deepEqual(await changed(), ["one", "one", "one", "two"]);
  });

  it("comes also when the change failed: it may have come half the way", async () => {
    await assert.rejects(client.call("snapshot.remove", { machine: "one", snapshot: "none" }));
    assert.deepEqual(await changed(), ["one"]);
  });

  it("does not come for what only reads", async () => {
    await client.call("snapshot.list", { machine: "one" });
    await client.call("disk.list", { machine: "one" });
    assert.deepEqual(await changed(), []);
  });

  it("comes for every machine when anything may have gone", async () => {
    await client.call("prune.run", { kinds: ["leftover"] });
    assert.deepEqual((await changed()).sort(), ["one", "two"]);
  });
});
