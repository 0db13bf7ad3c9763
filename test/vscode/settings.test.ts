import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Frame, Locator } from "playwright-core";
import type { VivClient } from "../../src/api/index.ts";
import { type EditorWorld, editorWorld, type Vscode } from "./support/index.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a file somebody sent could say, where a careless page would run it. */
const hostile = `</p><img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>\${7*7} {0}`;

describe("the settings form", function () {
  this.timeout(120_000);
  let world: EditorWorld;
  let vscode: Vscode;
  let client: VivClient;
  const texts = new Map<string, string>();

  before(async () => {
    world = await editorWorld({ settings: { "files.autoSave": "off" }, viewport: { width: 1280, height: 1000 } });
    ({ vscode, client } = world);
    await make("hello");
    await make("busy");
    await make("before");
    await client.call("machine.start", { machine: "busy" });
    await vscode.execute("workbench.action.closeSidebar");
  });
  after(async () => {
    await world?.dispose();
  });
  beforeEach(async () => {
    for (const [name, text] of texts) if ((await read(name)) !== text) await write(name, text);
  });
  afterEach(async () => {
    await vscode.execute("workbench.action.files.revert");
    await vscode.execute("workbench.action.closeAllEditors");
  });

  async function make(name: string): Promise<void> {
    const forwards = [{ protocol: "tcp" as const, guestPort: 22 }];
    await client.call("machine.create", {
      name,
      image: "starter",
      memory: "256M",
      networks: [{ mode: "nat", forwards }],
      set: ["note=Made for tests"],
    });
    const text = await read(name);
    texts.set(name, text.replace('"memory": "256M",', '"memory": "256M", // as measured'));
  }

  const file = (name: string) => join(world.home.machineFolder(name), "vm.json");
  const read = (name: string) => readFile(file(name), "utf8");
  const write = (name: string, text: string) => writeFile(file(name), text);

  async function open(name: string): Promise<Frame> {
    await vscode.execute("vivarium.editSettings", name);
    const form = await vscode.webview(`Settings of ${name}`);
    // Both answers are here: the machine's state and the host's report.
    await form.waitForSelector(".status:not(:empty)");
    await eventually(async () => (await form.locator("#accelerator option:disabled").count()) > 0, "the host has reported");
    return form;
  }

  const isDirty = () => vscode.page.locator(".tab.active.dirty").count();
  const dirtyIs = (wanted: boolean) =>
    eventually(async () => (await isDirty()) === (wanted ? 1 : 0), `the document is ${wanted ? "" : "not "}dirty`);
  const problemOf = (form: Frame, id: string) => form.locator(`#${id}-problem > span`).innerText();
  const valueIs = (field: Locator, wanted: string) =>
    eventually(async () => (await field.inputValue()) === wanted, `the field is ${wanted}`);

  it("opens from the palette, on the machine that was chosen", async () => {
    await vscode.command("Vivarium: Edit Machine Settings");
    await vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "hello" }).first().click();
    const form = await vscode.webview("Settings of hello");
    assert.equal(await form.locator("h1").innerText(), "hello");
    assert.equal(await form.locator("#memory").inputValue(), "256M");
    assert.match(await form.locator("#disks-0-box").innerText(), /disk0\.qcow2 · qcow2/);
  });

  it("writes a change into the text, comments kept; undo, redo and save are the editor's", async () => {
    const before = await read("hello");
    const form = await open("hello");
    await form.locator("#memory").fill("320M");
    await form.locator("#memory").press("Enter");
    await dirtyIs(true);
    await vscode.execute("undo");
    await valueIs(form.locator("#memory"), "256M");
    await dirtyIs(false);
    await vscode.execute("redo");
    await valueIs(form.locator("#memory"), "320M");
    await form.locator("#memory").press("Control+s");
    await dirtyIs(false);
    assert.equal(await read("hello"), before.replace('"256M"', '"320M"'));
    assert.equal((await client.call("machine.show", { machine: "hello" })).memoryBytes, 320 * 1024 ** 2);
  });

  it("saves with Ctrl+S what was typed a moment ago", async () => {
    const form = await open("hello");
    await form.locator("#group").pressSequentially("evening");
    await form.locator("#group").press("Control+s");
    await eventually(async () => (await read("hello")).includes('"group": "evening"'), "the group is on disk");
    await dirtyIs(false);
  });

  it("refuses what is absurd at the field, with a way back", async () => {
    const before = await read("hello");
    const form = await open("hello");
    const cpus = form.locator("#cpus");
    await cpus.fill("9999");
    await eventually(async () => (await cpus.getAttribute("aria-invalid")) === "true", "the field is invalid");
    assert.equal(await problemOf(form, "cpus"), "A whole number from 1 to 256.");
    assert.ok((await cpus.getAttribute("aria-describedby"))?.includes("cpus-problem"));
    await form.locator("#memory").fill("9000G");
    await eventually(async () => /^This host has .+ of memory\.$/.test(await problemOf(form, "memory")), "the host's memory is named");
    await form.locator("#networks-0-mac").fill("not a mac");
    await eventually(
      async () => (await problemOf(form, "networks-0-mac")).startsWith("A unicast MAC address"),
      "the MAC address is refused",
    );
    await cpus.press("Escape");
    await valueIs(cpus, "2");
    await form.locator("#memory-problem .link").click();
    await valueIs(form.locator("#memory"), "256M");
    assert.equal(await isDirty(), 0);
    assert.equal(await read("hello"), before);
  });

  it("keeps what was typed while the tab is hidden, and is there again after a reload of the window", async () => {
    const form = await open("hello");
    await form.locator("#cpus").fill("9999");
    await eventually(async () => (await problemOf(form, "cpus")) !== "", "it is refused");
    await open("busy");
    await vscode.execute("vivarium.editSettings", "hello");
    const back = await vscode.webview("Settings of hello");
    await valueIs(back.locator("#cpus"), "9999");
    await vscode.reload();
    // Which of the two tabs is in front is what VS Code wrote down last.
    // The page may be made anew once more while the window settles.
    const again = async () => (await vscode.webview(/^Settings of (hello|busy)$/)).locator("#memory").inputValue();
    await eventually(async () => (await again()) === "256M", "it is there again");
  });

  it("marks what waits for a restart while the machine runs, and what applies now", async () => {
    const before = await read("busy");
    const form = await open("busy");
    const badge = (id: string) => form.locator(`#${id}-badge`).innerText();
    await eventually(async () => (await badge("memory")) === "After restart", "memory needs a restart");
    assert.equal(await badge("note"), "Applies now");
    await form.locator("#memory").fill("320M");
    await form.locator("#memory").press("Enter");
    await form.locator("#devices-watchdog").check();
    await eventually(
      async () => (await badge("memory")) === "Waits for a restart" && (await badge("devices-watchdog")) === "Waits for a restart",
      "both wait",
    );
    assert.equal(await badge("devices-rng"), "After restart");
    assert.match(await form.locator(".banner").innerText(), /2 changes wait for a restart.*\s+Memory: 256M → 320M\s+Watchdog: off → on/);
    await form.locator("#memory").press("Control+s");
    await dirtyIs(false);
    await eventually(async () => (await client.call("machine.show", { machine: "busy" })).pendingChanges.length === 2, "vivd knows it");
    await form.locator("#cpus").fill("9999");
    await eventually(async () => (await problemOf(form, "cpus")) !== "", "the field is refused");
    await form.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })");
    await eventually(async () => (await form.locator("nav [aria-current]").innerText()) === "General", "the first section is in sight");
    assert.equal(
      await form.locator("#form .visually-hidden[role=status]").first().innerText(),
      "2 changes wait for a restart of the machine",
    );
    await vscode.screenshot("settings-running");
    await form.locator("#cpus").press("Escape");
    await form.evaluate("document.getElementById('section-disks').scrollIntoView({ behavior: 'instant' })");
    await eventually(async () => (await form.locator("nav [aria-current]").innerText()) === "Disks", "the section in sight is marked");
    await vscode.screenshot("settings-disks");
    await form.evaluate("window.scrollTo({ top: 1e6, behavior: 'instant' })");
    await vscode.screenshot("settings-devices");
    await write("busy", before);
    await eventually(async () => (await form.locator(".banner").count()) === 0, "nothing waits any more");
  });

  it("shows changes of other hands without taking focus and caret", async () => {
    const before = await read("hello");
    const form = await open("hello");
    await form.locator("#note").click();
    await form.evaluate("document.getElementById('note').setSelectionRange(4, 8)");
    await write("hello", before.replace('"256M"', '"384M"').replace("Made for tests", "Made for two tests"));
    await valueIs(form.locator("#memory"), "384M");
    await valueIs(form.locator("#note"), "Made for two tests");
    const focus = "[document.activeElement.id, document.activeElement.selectionStart, document.activeElement.selectionEnd].join()";
    assert.equal(await form.evaluate(focus), "note,4,8");
    await client.call("machine.set", { machine: "hello", set: ["memory=256M"] });
    await valueIs(form.locator("#memory"), "256M");
  });

  it("says where a text that was broken by hand is broken, shows what it said, and comes back", async () => {
    const before = await read("hello");
    const form = await open("hello");
    await write("hello", before.replace('"cpus": 2,', '"cpus": 2'));
    const banner = form.locator(".banner.error");
    await banner.waitFor();
    assert.match(await banner.innerText(), /^This file is not JSON: line \d+, column 3: a comma is missing\./);
    assert.equal(await form.locator("#memory").inputValue(), "256M");
    assert.equal(await form.locator("#memory").getAttribute("readonly"), "");
    assert.equal(await form.locator("#devices-tpm").isDisabled(), true);
    await vscode.screenshot("settings-broken", ["dark"]);
    await banner.locator("vscode-button").click();
    await vscode.page.locator(".monaco-editor .view-lines").first().waitFor();
    await write("hello", before);
    await vscode.execute("vivarium.settings.openForm");
    const again = await vscode.webview("Settings of hello");
    await eventually(async () => (await again.locator("#memory").getAttribute("readonly")) === null, "the form works again");
    assert.equal(await again.locator(".banner").count(), 0);
  });

  it("becomes JSON and a form again in the same tab, with what is not saved", async () => {
    const form = await open("hello");
    await form.locator("#memory").fill("320M");
    await form.locator("#memory").press("Enter");
    await dirtyIs(true);
    await vscode.execute("vivarium.settings.openAsJson");
    await vscode.page.locator(".monaco-editor .view-lines").filter({ hasText: '"320M"' }).first().waitFor();
    assert.equal(await isDirty(), 1);
    assert.equal(await vscode.page.locator(".tab").count(), 1);
    await vscode.execute("vivarium.settings.openForm");
    await valueIs((await vscode.webview("Settings of hello")).locator("#memory"), "320M");
    assert.equal(await vscode.page.locator(".tab").count(), 1);
    assert.equal(await isDirty(), 1);
  });

  it("adds and removes forwards, adapters and the CD drive", async () => {
    const form = await open("hello");
    await form.locator("#add-networks-0-forwards").click();
    await form.locator("#networks-0-forwards-1-guestPort").waitFor();
    await eventually(
      async () => (await form.evaluate("document.activeElement.id")) === "networks-0-forwards-1-guestPort",
      "the new port has the keyboard",
    );
    await form.locator("#networks-0-forwards-1-guestPort").fill("8080");
    await form.locator("#networks-0-forwards-1-guestPort").press("Enter");
    await form.locator("#add-networks").click();
    await form.locator("#networks-1-mac").waitFor();
    await form.locator("#add-cdrom").click();
    await form.locator("#cdrom-file").waitFor();
    await form.locator("#remove-networks-0-forwards-0").click();
    await valueIs(form.locator("#networks-0-forwards-0-guestPort"), "8080");
    await vscode.execute("workbench.action.files.save");
    await dirtyIs(false);
    const { networks, cdrom } = JSON.parse((await read("hello")).replace(/^\s*\/\/.*$|\/\/ .*$/gm, "")) as {
      networks: { forwards: unknown[] }[];
      cdrom: unknown;
    };
    assert.deepEqual(
      [networks.length, networks[0]?.forwards, cdrom],
      [2, [{ protocol: "tcp", hostAddress: "127.0.0.1", guestPort: 8080 }], {}],
    );
    await form.locator("#remove-networks-1").click();
    await form.locator("#networks-1-mac").waitFor({ state: "detached" });
    await form.locator("#remove-cdrom").click();
    await form.locator("#cdrom-file").waitFor({ state: "detached" });
    await vscode.execute("workbench.action.files.save");
    await dirtyIs(false);
  });

  it("adds, enlarges and removes a disk with the palette's own questions; what was not saved is saved first", async () => {
    const form = await open("hello");
    const answer = async (title: string, text: string) => {
      const input = vscode.page.locator(".quick-input-widget").filter({ hasText: title }).locator("input.input");
      await input.fill(text);
      await input.press("Enter");
    };
    const disks = async () =>
      (await client.call("machine.show", { machine: "hello" })).disks.map(({ id, virtualBytes }) => [id, virtualBytes]);
    const [first] = await disks();
    await form.locator("#note").fill("with another disk");
    await form.getByRole("button", { name: "Add Disk…" }).click();
    await answer("New Disk for hello", "64M");
    await form.locator("#disks-1-box").waitFor();
    await eventually(async () => (await form.locator("#disks-1-box").innerText()).includes("64 MiB"), "its size stands there");
    assert.match(await read("hello"), /with another disk/);
    const [, added] = await disks();
    assert.equal(added?.[1], 64 * 1024 ** 2);
    await form.getByRole("button", { name: `Enlarge disk ${String(added?.[0])}` }).click();
    await answer(`Larger Disk ${String(added?.[0])} of hello`, "96M");
    await eventually(async () => (await disks())[1]?.[1] === 96 * 1024 ** 2, "it is larger");
    await eventually(async () => (await form.locator("#disks-1-box").innerText()).includes("96 MiB"), "the form says so");
    await form.getByRole("button", { name: `Remove disk ${String(added?.[0])}` }).click();
    await form.locator("#disks-1-box").waitFor({ state: "detached" });
    assert.deepEqual(await disks(), [first]);
  });

  it("limits a disk of a running machine as soon as the file is saved, and lifts the limit", async () => {
    const form = await open("busy");
    const limit = form.locator("#disks-0-limits-writeBytesPerSecond");
    await eventually(
      async () => (await form.locator("#disks-0-limits-writeBytesPerSecond-badge").innerText()) === "Applies now",
      "no restart is asked for",
    );
    await limit.fill("fast");
    await eventually(
      async () => (await problemOf(form, "disks-0-limits-writeBytesPerSecond")).startsWith("Bytes a second"),
      "it is refused",
    );
    const running = async () => (await world.home.state("busy"))["run"] as { definition: { disks: { limits?: unknown }[] } };
    const limits = async () => JSON.stringify((await running()).definition.disks[0]?.limits ?? null);
    await limit.fill("20M");
    await limit.press("Control+s");
    // vivd writes it down when QEMU has taken it.
    await eventually(async () => (await limits()) === '{"writeBytesPerSecond":20971520}', "the guest has it");
    assert.match(await read("busy"), /"limits": \{\s*"writeBytesPerSecond": 20971520\s*\}/);
    await valueIs(limit, "20M");
    assert.equal(await form.locator(".field[data-pending]").count(), 0);
    await limit.fill("");
    await limit.press("Control+s");
    await eventually(async () => (await limits()) === "null", "it is lifted");
    await eventually(async () => !(await read("busy")).includes("limits"), "nothing of it stays in the file");
  });

  it("asks for the boot file of a netboot, and takes it away again", async () => {
    const served = join(world.home.folder, "served");
    await mkdir(served);
    await writeFile(join(served, "boot.ipxe"), "#!ipxe\n");
    const form = await open("hello");
    await form.getByRole("button", { name: "Adapter 1: add netboot" }).click();
    const input = vscode.page.locator(".quick-input-widget input.input");
    // VS Code's dialog has settled when the folder it begins in stands there with what is in it.
    await eventually(async () => (await input.inputValue()).endsWith("/"), "the dialog is there");
    await vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "vm.json" }).waitFor();
    await input.fill(join(served, "boot.ipxe"));
    await vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "boot.ipxe" }).waitFor();
    await input.press("Enter");
    await valueIs(form.locator("#networks-0-netboot-directory"), served);
    await valueIs(form.locator("#networks-0-netboot-file"), "boot.ipxe");
    await form.locator("#networks-0-netboot-file").fill("../escape me");
    await eventually(async () => (await problemOf(form, "networks-0-netboot-file")) !== "", "a path out of it is refused");
    await form.locator("#networks-0-netboot-file").press("Escape");
    await form.getByRole("button", { name: "Adapter 1: remove netboot" }).click();
    await form.locator("#networks-0-netboot-file").waitFor({ state: "detached" });
    await vscode.execute("workbench.action.files.save");
    await dirtyIs(false);
    assert.doesNotMatch(await read("hello"), /netboot/);
  });

  it("asks for a kernel before the firmware becomes one, and moves what boots first by keyboard", async () => {
    const form = await open("hello");
    await form.locator("#firmware-type").selectOption("uefi");
    await form.locator("#firmware-kernel").waitFor({ state: "detached" });
    await form.locator("#firmware-type").selectOption("direct-kernel");
    await eventually(async () => (await problemOf(form, "firmware-kernel")) === "A value is needed.", "the kernel is asked for");
    await form.locator("#firmware-kernel").fill("vmlinuz");
    await form.locator("#firmware-kernel").press("Enter");
    await eventually(async () => (await form.locator("#firmware-kernel").getAttribute("aria-invalid")) === null, "both are taken");
    const down = form.getByRole("button", { name: "Move Disk down" });
    await down.focus();
    await down.press("Enter");
    await eventually(async () => /^CD drive\s+Disk\s+Network/.test(await form.locator("#bootOrder").innerText()), "the disk is second");
    await eventually(async () => (await form.locator(".field[data-draft]").count()) === 0, "the document has the order");
    assert.equal(await form.evaluate("document.activeElement.getAttribute('aria-label')"), "Move Disk down");
    await form.locator("#bootOrder-network").press("Alt+ArrowUp");
    await eventually(async () => /^CD drive\s+Network\s+Disk/.test(await form.locator("#bootOrder").innerText()), "the network is second");
    assert.equal(await form.locator(".kind-order [role=status]").innerText(), "Network: 2 of 3");
    assert.equal(await form.evaluate("document.activeElement.id"), "bootOrder-network", "the row keeps the keyboard");
    await eventually(async () => (await form.locator(".field[data-draft]").count()) === 0, "the document has that order too");
  });

  it("renames the machine, and follows it into its new folder", async () => {
    texts.delete("before");
    const form = await open("before");
    await form.getByRole("button", { name: "Rename the machine" }).click();
    const input = vscode.page.locator(".quick-input-widget input.input");
    await input.fill("after");
    await input.press("Enter");
    const renamed = await vscode.webview("Settings of after");
    assert.equal(await renamed.locator("h1").innerText(), "after");
    await eventually(async () => (await vscode.page.locator(".tab").count()) === 1, "the old tab is closed");
  });

  it("runs nothing that a file says", async () => {
    const before = await read("hello");
    const bad = before
      .replace(/"note": ".*?"/, `"note": ${JSON.stringify(hostile)}, "group": ${JSON.stringify(hostile.slice(0, 60))}`)
      .replace('"name": "hello"', `"name": ${JSON.stringify(hostile)}`);
    assert.notEqual(bad, before);
    const form = await open("hello");
    await write("hello", bad);
    await eventually(async () => (await form.locator("h1").innerText()) === hostile, "the name is shown as text");
    await valueIs(form.locator("#note"), hostile);
    assert.equal(await form.title(), "Settings of hello");
    assert.equal(await form.evaluate("document.querySelectorAll('#form img, #form script').length"), 0);
    await write("hello", before);
    await eventually(async () => (await form.locator("h1").innerText()) === "hello", "the name is back");
  });

  it("has no fault that axe finds, in any theme", async () => {
    const form = await open("busy");
    await form.locator("#cpus").fill("9999");
    await eventually(async () => (await problemOf(form, "cpus")) !== "", "a problem is on screen");
    await form.evaluate(axeSource);
    for (const theme of ["dark", "light", "contrast"] as const) {
      await vscode.theme(theme);
      const found = (await form.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target, any }) => target + ' ' + (any[0]?.message ?? '')).join(' | ')))",
      )) as string[];
      assert.deepEqual(found, [], theme);
    }
    await vscode.theme("dark");
  });

  it("is usable at 400 pixels", async () => {
    await vscode.page.setViewportSize({ width: 456, height: 900 });
    const form = await open("busy");
    const width = (await form.evaluate("innerWidth")) as number;
    assert.ok(width <= 404, `the page has ${width} pixels`);
    assert.equal(await form.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, "nothing is cut off");
    await vscode.screenshot("settings-narrow", ["dark", "light"]);
    await form.evaluate("document.getElementById('section-network').scrollIntoView({ behavior: 'instant' })");
    await vscode.screenshot("settings-narrow-network", ["dark"]);
    await vscode.page.setViewportSize({ width: 1280, height: 1000 });
  });
});

async function eventually(check: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await check().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`It did not come to pass: ${what}.`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
