import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import type { Frame } from "playwright-core";
import { runTool } from "../support/tools.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const mib = 1024 ** 2;

/** What whoever made an image could have called a partition: 36 UTF-16 characters. */
const hostileLabel = "<img src=x onerror=alert(1)>";

/** Image files as documents in a real VS Code: real ones by qemu-img and xorriso, in no workspace, and hostile ones. */
describe("image files in the editor", function () {
  this.timeout(180_000);
  let world: EditorWorld;
  let vscode: Vscode;
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvi-"));
    world = await editorWorld({ viewport: { width: 1280, height: 900 } });
    ({ vscode } = world);
    await vscode.execute("workbench.action.closeSidebar");
    await writeFile(join(folder, "disk.raw"), gptDisk());
    await qemuImg("convert", "-f", "raw", "-O", "qcow2", "disk.raw", "disk.qcow2");
    await qemuImg("snapshot", "-c", "installed", "disk.qcow2");
    await qemuImg("create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", "evil.qcow2");
    await mkdir(join(folder, "content"));
    await writeFile(join(folder, "content", "README.TXT"), "hello");
    await promisify(execFile)("xorriso", ["-as", "mkisofs", "-quiet", "-V", "VIVARIUM_TEST", "-o", "cd.iso", "content"], { cwd: folder });
  });
  after(async () => {
    await world?.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => vscode.execute("workbench.action.closeAllEditors"));

  async function qemuImg(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await runTool("qemu-img", args, folder);
    assert.equal(exitCode, 0, stderr);
  }

  /** As a person does: by the file's name, which says which editor; it is in no workspace. */
  async function open(name: string): Promise<Frame> {
    await vscode.execute("workbench.action.quickOpen", join(folder, name));
    await vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: name }).first().waitFor();
    await vscode.page.keyboard.press("Enter");
    const page = await vscode.webview(`Image ${name}`);
    await page.locator("main").waitFor();
    return page;
  }

  it("shows a qcow2: format, sizes, partitions, snapshots inside", async () => {
    const page = await open("disk.qcow2");
    assert.equal(await page.locator("h1").innerText(), "disk.qcow2");
    assert.match(await page.locator(".status").innerText(), /^qcow2\s+64 MiB for the guest · /);
    const rows = await page.locator('[aria-label="Partitions"] tbody tr').allInnerTexts();
    assert.equal(rows.length, 3);
    assert.match(rows[0] ?? "", /^1\s+EFI/);
    await page.locator('[aria-label="Snapshots inside"] tbody tr').filter({ hasText: "installed" }).waitFor();
    assert.equal(await page.locator(".disk .part").count(), 3);
    await vscode.screenshot("image-qcow2");
  });

  it("keeps a hostile label text", async () => {
    const page = await open("disk.raw");
    await page.locator('[aria-label="Partitions"] tbody').getByText(hostileLabel, { exact: true }).waitFor();
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.title(), "Image disk.raw");
  });

  it("says why an image is refused, and offers nothing with it", async () => {
    const page = await open("evil.qcow2");
    await page.locator(".banner.error").waitFor();
    assert.match(
      await page.locator(".banner.error").innerText(),
      /^No machine is made of it: this file is built on another file, \/etc\/passwd\.$/,
    );
    assert.equal(await page.locator(".actions vscode-button").count(), 0);
    await vscode.screenshot("image-refused", ["dark"]);
  });

  it("shows a CD, and makes a machine of it", async () => {
    const page = await open("cd.iso");
    assert.match(await page.locator("main").innerText(), /VIVARIUM_TEST/);
    await vscode.screenshot("image-iso", ["dark", "light"]);
    await page.locator("#action-import").click();
    await until(
      "the machine is made",
      async () => (await world.client.call("machine.list", {})).map(({ name }) => name),
      (names) => names.includes("cd"),
    );
    assert.equal((await world.client.call("machine.show", { machine: "cd" })).cdrom, join(folder, "cd.iso"));
  });

  it("checks one from its page, and says so", async () => {
    const page = await open("disk.qcow2");
    await page.locator("#action-check").click();
    await vscode.page.locator(".notification-toast").filter({ hasText: "disk.qcow2 is sound." }).waitFor();
    await vscode.execute("notifications.clearAll");
  });

  it("shows a file anew when it has changed", async () => {
    await qemuImg("create", "-q", "-f", "qcow2", "grows.qcow2", "10M");
    const page = await open("grows.qcow2");
    await page.locator(".status").getByText("10 MiB for the guest").waitFor();
    await qemuImg("resize", "-q", "grows.qcow2", "20M");
    await page.locator(".status").getByText("20 MiB for the guest").waitFor();
  });

  it("says so when a file is gone or is no image", async () => {
    await writeFile(join(folder, "text.vdi"), "just a text\n");
    const page = await open("text.vdi");
    await page
      .locator("main")
      .getByText(/no format that is known|raw|No machine is made of it/)
      .first()
      .waitFor();
    assert.equal(await page.locator("script[src*='text']").count(), 0);
  });

  it("has no fault that axe finds, in any theme, and fits into 400 pixels", async () => {
    const page = await open("disk.qcow2");
    await page.evaluate(axeSource);
    for (const theme of ["dark", "light", "contrast", "contrast-light"] as const) {
      await vscode.theme(theme);
      const found = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target, any }) => target + ' ' + (any[0]?.message ?? '')).join(' | ')))",
      );
      assert.deepEqual(found, [], theme);
    }
    await vscode.theme("dark");
    await vscode.execute("workbench.action.closeSidebar");
    // What is left and right of the page is not of one width in all versions.
    const beside = 1280 - ((await page.evaluate("innerWidth")) as number);
    await vscode.page.setViewportSize({ width: 400 + beside, height: 900 });
    await until(
      "the page has 400 pixels",
      () => page.evaluate("innerWidth"),
      (width) => width === 400,
    );
    assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, "nothing is cut off");
    await vscode.screenshot("image-narrow", ["dark"]);
  });
});

/** 64 MiB with a GUID partition table of three: the layout is UEFI 2.10 §5.3. */
function gptDisk(): Buffer {
  const sector = 512;
  const disk = Buffer.alloc(64 * mib);
  // Protective MBR.
  disk[446 + 4] = 0xee;
  disk.writeUInt32LE(1, 446 + 8);
  disk.writeUInt32LE(disk.length / sector - 1, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  const efi = guid("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  const linux = guid("0FC63DAF-8483-4772-8E79-3D69D8477DE4");
  const parts = [
    { type: efi, from: 1, size: 8, name: "EFI" },
    { type: linux, from: 9, size: 24, name: hostileLabel },
    { type: linux, from: 40, size: 16, name: "data" },
  ];
  const entries = disk.subarray(2 * sector, 2 * sector + 128 * 128);
  for (const [index, part] of parts.entries()) {
    const entry = entries.subarray(index * 128, (index + 1) * 128);
    part.type.copy(entry, 0);
    entry.fill(index + 1, 16, 32);
    entry.writeBigUInt64LE(BigInt((part.from * mib) / sector), 32);
    entry.writeBigUInt64LE(BigInt(((part.from + part.size) * mib) / sector - 1), 40);
    entry.write(part.name.slice(0, 36), 56, "utf16le");
  }
  const header = disk.subarray(sector, 2 * sector);
  header.write("EFI PART", 0, "latin1");
  header.writeUInt32LE(0x00010000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(disk.length / sector - 1), 32);
  header.writeBigUInt64LE(34n, 40);
  header.writeBigUInt64LE(BigInt(disk.length / sector - 34), 48);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return disk;
}

/** Mixed-endian, as on the disk. */
function guid(text: string): Buffer {
  const [first = "", second = "", third = "", ...rest] = text.split("-");
  const swapped = [first, second, third].map((part) => Buffer.from(part, "hex").reverse());
  return Buffer.concat([...swapped, Buffer.from(rest.join(""), "hex")]);
}
