import assert from "node:assert/strict";
import { type BootFile, bootFileOf } from "../../../src/host/netboot/bootFile.ts";
import { firmwareForBootFile } from "../../../src/host/netboot/firmware.ts";
import { bootNames, treeInfo } from "../../../src/host/netboot/names.ts";
import { bootScript, chainScript } from "../../../src/host/netboot/scripts.ts";

/** The few bytes by which a boot file is known. */
function withMarks(marks: Readonly<Record<number, string>>, bytes = 40_000): Buffer {
  const head = Buffer.alloc(bytes, 0x90);
  for (const [at, mark] of Object.entries(marks)) head.write(mark, Number(at), "latin1");
  return head;
}

function efiProgram(machine: number, subsystem: number, more: Readonly<Record<number, string>> = {}): Buffer {
  const head = withMarks({ 0: "MZ", 128: "PE\0\0", ...more });
  head.writeUInt32LE(0x80, 0x3c);
  head.writeUInt16LE(machine, 0x84);
  head.writeUInt16LE(subsystem, 0x80 + 24 + 68);
  return head;
}

describe("a boot file", () => {
  const seen = (head: Buffer, bytes = head.length) => bootFileOf(head, bytes);

  it("is known by its first bytes", () => {
    assert.deepEqual(seen(Buffer.from("#!ipxe\nchain x\n")), { kind: "ipxe-script" });
    assert.deepEqual(seen(efiProgram(0x8664, 10)), { kind: "efi", architecture: "x86_64", linux: false });
    assert.deepEqual(seen(efiProgram(0xaa64, 10, { 56: "ARM\x64" })), { kind: "efi", architecture: "aarch64", linux: true });
    assert.deepEqual(seen(efiProgram(0x14c, 10)), { kind: "efi", architecture: undefined, linux: false });
    assert.deepEqual(seen(withMarks({ 514: "HdrS" })), { kind: "linux" });
    assert.deepEqual(seen(withMarks({})), { kind: "pxe" });
  });

  it("is told from what is none", () => {
    for (const [head, bytes, words] of [
      [withMarks({ 0: "\x1f\x8b" }), 1000, /gzip/],
      [withMarks({ 32769: "CD001" }), 700e6, /--iso/],
      [withMarks({ 0: "PK" }), 1000, /ZIP/],
      [withMarks({ 0: "QFI\xfb" }), 1000, /disk image/],
      [Buffer.from("404: not here\n"), 14, /text/],
      [withMarks({}), 700_000, /too long/],
    ] as const) {
      const found = seen(head, bytes);
      assert.ok(found.kind === "other" && words.test(found.looksLike), JSON.stringify(found));
    }
  });

  it("with a header that points outside of it is no UEFI program", () => {
    const head = efiProgram(0x8664, 10);
    head.writeUInt32LE(0xfffffff0, 0x3c);
    assert.equal(seen(head).kind, "pxe");
    assert.equal(seen(efiProgram(0x8664, 2)).kind, "pxe");
  });

  it("chooses the firmware that loads it, or says why none does", () => {
    const script: BootFile = { kind: "ipxe-script" };
    const efi: BootFile = { kind: "efi", architecture: "x86_64", linux: false };
    const kernel: BootFile = { kind: "efi", architecture: "x86_64", linux: true };
    assert.equal(firmwareForBootFile("x", script, "x86_64", undefined), "bios");
    assert.equal(firmwareForBootFile("x", efi, "x86_64", undefined), "uefi");
    assert.equal(firmwareForBootFile("x", efi, "x86_64", "uefi-secure"), "uefi-secure");
    assert.equal(firmwareForBootFile("x", kernel, "x86_64", undefined), "bios");
    assert.equal(firmwareForBootFile("x", { kind: "pxe" }, "x86_64", undefined), "bios");
    for (const [file, architecture, asked] of [
      [script, "aarch64", undefined],
      [script, "x86_64", "uefi"],
      [script, "x86_64", "uefi-secure"],
      [script, "x86_64", "direct-kernel"],
      [efi, "x86_64", "bios"],
      [efi, "aarch64", undefined],
      [{ kind: "pxe" }, "x86_64", "uefi"],
      [{ kind: "pxe" }, "aarch64", undefined],
      [{ kind: "linux" }, "x86_64", "uefi"],
      [{ kind: "other", looksLike: "text" }, "x86_64", undefined],
    ] as const) {
      const what = JSON.stringify([file, architecture, asked]);
      assert.throws(() => firmwareForBootFile("x", file, architecture, asked), { code: "usage", hint: /./ }, what);
    }
  });
});

describe("a folder for network boot", () => {
  it("is searched for what the machine's firmware can load", () => {
    assert.equal(bootNames({ architecture: "x86_64", firmware: undefined })[0], "pxelinux.0");
    assert.ok(bootNames({ architecture: "x86_64", firmware: "uefi-secure" }).every((name) => name.endsWith(".efi")));
    assert.ok(bootNames({ architecture: "aarch64", firmware: undefined }).every((name) => /aa64|arm64/.test(name)));
  });

  it("that describes itself says where kernel and initrd are", () => {
    const text = (kernel: string) =>
      `[general]\nfamily = Fedora\n[images-x86_64]\nboot.iso = images/boot.iso\ninitrd = images/pxeboot/initrd.img\nkernel = ${kernel}\n[images-xen]\nkernel = xen\n`;
    const found = treeInfo(text("images/pxeboot/vmlinuz"), "x86_64");
    assert.equal(found?.kernel, "images/pxeboot/vmlinuz");
    assert.deepEqual(found.initrds, ["images/pxeboot/initrd.img"]);
    assert.deepEqual(found.append(new URL("http://example.org/os/")), ["inst.repo=http://example.org/os/"]);
    for (const kernel of ["/etc/shadow", "../../x", "http://elsewhere/x", "a b", ""])
      assert.equal(treeInfo(text(kernel), "x86_64"), undefined);
    assert.equal(treeInfo(text("x"), "aarch64"), undefined);
  });

  it("becomes a script of iPXE", () => {
    assert.match(
      bootScript(new URL("http://example.org/os/"), ["a=b"]),
      /^#!ipxe\n.*\nkernel linux initrd=initrd a=b\ninitrd initrd\nboot\n$/,
    );
    assert.match(chainScript(new URL("http://localhost:8000/a b.ipxe")), /\nchain http:\/\/10\.0\.2\.2:8000\/a%20b\.ipxe\n$/);
    assert.match(chainScript(new URL("http://example.org/menu.ipxe")), /\nchain http:\/\/example\.org\/menu\.ipxe\n$/);
  });
});
