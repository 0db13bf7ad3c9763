import assert from "node:assert/strict";
import { vivError } from "../../../src/model/index.ts";
import { running, stopped } from "../cli/support/machines.ts";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { start } = await import("../../../src/commands/start.ts");
const { stop } = await import("../../../src/commands/stop.ts");
const { remove } = await import("../../../src/commands/remove.ts");
const { rename } = await import("../../../src/commands/rename.ts");
const { commandIds } = await import("../../../src/editor/commandIds.ts");
const { registerCommands } = await import("../../../src/commands/index.ts");

async function workWith(service: FakeService) {
  const editor = await editorWith(service);
  service.asked.length = 0;
  return { editor, view: { filter: "", reveal: async () => undefined, refresh: () => undefined, dispose: () => undefined } };
}

const asked = (service: FakeService): unknown[] => service.asked.map(({ method, params }) => [method, params["machine"]]);
const shownTexts = (kind: string): string[] => stub.shown.filter((one) => one.kind === kind).map(({ text }) => text);

describe("a command", () => {
  afterEach(() => stub.reset());

  it("asks which machine when it comes from the palette, and offers only those that fit", async () => {
    const service = new FakeService([stopped("hello"), running("web")], { "machine.start": () => running("hello") });
    stub.answers.set("Machines to start", (items: { label: string }[]) => items[0]);
    await start(await workWith(service));
    assert.deepEqual(asked(service), [["machine.start", "id-of-hello"]]);
  });

  it("acts on the row it was asked on, or on all that are selected", async () => {
    const service = new FakeService([stopped("a"), stopped("b"), running("c")], { "machine.start": () => running("a") });
    const work = await workWith(service);
    await start(work, { machine: "id-of-a" }, undefined);
    await start(work, { machine: "id-of-a" }, [{ machine: "id-of-a" }, { machine: "id-of-b" }, { machine: "id-of-c" }]);
    assert.deepEqual(asked(service), [
      ["machine.start", "id-of-a"],
      ["machine.start", "id-of-a"],
      ["machine.start", "id-of-b"],
    ]);
  });

  it("takes a name from other code, and says when there is no such machine", async () => {
    const service = new FakeService([stopped("hello")], { "machine.start": () => running("hello") });
    const work = await workWith(service);
    await start(work, "hello");
    assert.deepEqual(asked(service), [["machine.start", "id-of-hello"]]);
    await assert.rejects(() => Promise.resolve(start(work, "nobody")), /There is no machine “nobody”/);
  });

  it("says so when no machine fits", async () => {
    await stop(await workWith(new FakeService([stopped("hello")])));
    assert.deepEqual(shownTexts("information"), ["No machine is running."]);
  });

  it("offers to create one when there is none", async () => {
    stub.answers.set("There is no machine yet.", "Create Machine");
    await stop(await workWith(new FakeService([])));
    assert.deepEqual(shownTexts("command"), ["vivarium.create"]);
  });

  it("goes on with the others when one fails", async () => {
    const service = new FakeService([stopped("a"), stopped("b")], {
      "machine.start": ({ machine }) => {
        if (machine === "id-of-a") throw vivError("failed", "a does not start.");
        return running("b");
      },
    });
    const results = await start(await workWith(service), { machine: "id-of-a" }, [{ machine: "id-of-a" }, { machine: "id-of-b" }]);
    assert.equal((results as unknown[]).length, 1);
    assert.deepEqual(shownTexts("error"), ["a does not start."]);
  });

  it("tells once that machines stay when the window closes", async () => {
    const work = await workWith(new FakeService([stopped("a")], { "machine.start": () => running("a") }));
    await start(work, "a");
    await start(work, "a");
    assert.equal(shownTexts("information").filter((text) => text.startsWith("Machines keep running")).length, 1);
  });
});

describe("removing a machine", () => {
  afterEach(() => stub.reset());

  it("asks nothing, and brings it back on Undo", async () => {
    const service = new FakeService([stopped("hello")], { "machine.remove": () => ({}), "machine.restoreRemoved": () => ({}) });
    stub.answers.set("hello moved to the trash.", "Undo");
    await remove(await workWith(service), "hello");
    await new Promise(setImmediate);
    assert.deepEqual(asked(service), [
      ["machine.remove", "id-of-hello"],
      ["machine.restoreRemoved", "hello"],
    ]);
    assert.deepEqual(shownTexts("warning"), []);
  });

  it("asks before a running one is killed", async () => {
    const service = new FakeService([running("hello")], { "machine.remove": () => ({}) });
    await remove(await workWith(service), "hello");
    assert.equal(shownTexts("warning").length, 1);
    assert.deepEqual(asked(service), []);
  });
});

describe("renaming a machine", () => {
  afterEach(() => stub.reset());

  it("checks the name while it is typed", async () => {
    const service = new FakeService([stopped("hello"), stopped("web")], { "machine.rename": () => stopped("shop") });
    stub.answers.set("Rename hello", "shop");
    await rename(await workWith(service), "hello");
    const options = stub.shown[0]?.details as { validateInput(text: string): string | undefined };
    assert.equal(options.validateInput("web"), "There is a machine “web” already.");
    assert.match(options.validateInput("Web!") ?? "", /lower-case letter/);
    assert.equal(options.validateInput("shop"), undefined);
    assert.deepEqual(service.asked[0]?.params, { machine: "id-of-hello", name: "shop" });
  });
});

describe("the table of commands", () => {
  it("registers every one", async () => {
    const work = await workWith(new FakeService([]));
    const ids: string[] = [];
    const register = (id: string) => {
      ids.push(id);
      return { dispose: () => undefined };
    };
    registerCommands({ ...work, editor: { ...work.editor, register } as never });
    assert.deepEqual(ids.sort(), [...commandIds].sort());
  });
});
