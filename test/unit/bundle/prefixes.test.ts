import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  candidates,
  foreignNames,
  formulaOf,
  isSystemLibrary,
  parseBrewInfo,
  parseOtool,
  partOfData,
  placed,
  relocatePlan,
} from "../../../scripts/bundle/homebrew.ts";
import { isPrefixLibrary, parseNtldd, parseObjdump, parseOwners, parsePacmanInfo } from "../../../scripts/bundle/msys2.ts";

const fixture = (name: string): Promise<string> => readFile(new URL(`fixtures/${name}`, import.meta.url), "utf8");

describe("a Homebrew prefix", () => {
  it("otool's names are read, system libraries told apart", async () => {
    const names = parseOtool(await fixture("otool-qemu.txt"), "qemu-system-aarch64");
    assert.deepEqual(
      names.filter((name) => !isSystemLibrary(name)),
      [
        "/opt/homebrew/opt/capstone/lib/libcapstone.5.dylib",
        "/opt/homebrew/opt/gnutls/lib/libgnutls.30.dylib",
        "/opt/homebrew/opt/pixman/lib/libpixman-1.0.dylib",
        "/opt/homebrew/opt/glib/lib/libglib-2.0.0.dylib",
      ],
    );
    assert.equal(names.length, 8);
  });

  it("a universal library is read once, without its own name", async () => {
    const names = parseOtool(await fixture("otool-universal.txt"), "libzstd.1.dylib");
    assert.deepEqual(names, ["@loader_path/../../xz/lib/liblzma.5.dylib", "/usr/lib/libSystem.B.dylib"]);
  });

  it("otool's words about real files are read: a module of npm's sharp, its library, and the module after relocation", async () => {
    // llvm-otool 14.0.6 (Debian), @img/sharp-darwin-arm64 0.35.5 and @img/sharp-libvips-darwin-arm64 1.3.4.
    const module = parseOtool(await fixture("otool-sharp-darwin-arm64-0.35.5.txt"), "sharp-darwin-arm64-0.35.5.node");
    assert.deepEqual(module, ["@rpath/libvips-cpp.8.18.7.dylib", "/usr/lib/libc++.1.dylib", "/usr/lib/libSystem.B.dylib"]);
    const library = parseOtool(await fixture("otool-libvips-cpp-8.18.7.txt"), "libvips-cpp.8.18.7.dylib");
    assert.equal(library.length, 11);
    assert.ok(library.every(isSystemLibrary));
    // The collector's own commands, run by llvm-install-name-tool 14.0.6 on the module as a program.
    const relocated = parseOtool(await fixture("otool-sharp-relocated.txt"), "qemu-img");
    assert.equal(relocated[0], "@loader_path/../lib/libvips-cpp.8.18.7.dylib");
    assert.deepEqual(foreignNames(relocated), []);
  });

  it("a library that is asked for by two names is there once, two of one name are an error", () => {
    const cellar = "/opt/homebrew/Cellar/openssl@3/3.6.0/lib/libcrypto.3.dylib";
    const names = ["/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib", cellar];
    assert.deepEqual([...placed(new Map(names.map((name) => [name, cellar])))], [["libcrypto.3.dylib", cellar]]);
    const two = new Map([
      ...names.map((name): [string, string] => [name, cellar]),
      ["@rpath/libcrypto.3.dylib", "/elsewhere/libcrypto.3.dylib"],
    ]);
    assert.throws(() => placed(two), { code: "two-libraries" });
  });

  it("@loader_path is looked for beside the file, then in the prefix", () => {
    assert.deepEqual(candidates("@loader_path/../x/libx.dylib", "/p/opt/y/liby.dylib", "/p"), [
      "/p/opt/x/libx.dylib",
      "/p/opt/y/libx.dylib",
      "/p/lib/libx.dylib",
    ]);
  });

  it("a program's libraries are pointed at ../lib, and it is signed after the edit with the entitlements", () => {
    const plan = relocatePlan(
      "/w/qemu/bin/qemu-img",
      ["/opt/homebrew/opt/glib/lib/libglib-2.0.0.dylib", "/usr/lib/libz.1.dylib"],
      false,
      "/w/e.plist",
    );
    assert.deepEqual(
      plan.map(({ command, args }) => [command, ...args]),
      [
        [
          "install_name_tool",
          "-change",
          "/opt/homebrew/opt/glib/lib/libglib-2.0.0.dylib",
          "@loader_path/../lib/libglib-2.0.0.dylib",
          "/w/qemu/bin/qemu-img",
        ],
        ["codesign", "-s", "-", "--force", "--timestamp=none", "--entitlements", "/w/e.plist", "/w/qemu/bin/qemu-img"],
      ],
    );
  });

  it("a library gets its own name too, and no entitlements", () => {
    const plan = relocatePlan("/w/qemu/lib/libx.dylib", ["@rpath/liby.dylib"], true, "/w/e.plist");
    assert.deepEqual(plan[0]?.args, [
      "-id",
      "@rpath/libx.dylib",
      "-change",
      "@rpath/liby.dylib",
      "@loader_path/liby.dylib",
      "/w/qemu/lib/libx.dylib",
    ]);
    assert.ok(!plan[1]?.args.includes("--entitlements"));
  });

  it("a file still asking for the prefix is found", () => {
    assert.deepEqual(foreignNames(["@loader_path/a.dylib", "/usr/lib/libz.1.dylib", "/opt/homebrew/lib/b.dylib"]), [
      "/opt/homebrew/lib/b.dylib",
    ]);
  });

  it("formulae give notices", async () => {
    const [glib] = parseBrewInfo(await fixture("brew-info.json"));
    assert.equal(glib?.license, "LGPL-2.1-or-later");
    assert.match(glib?.source.offer ?? "", /glib-2\.86\.1\.tar\.xz$/);
    assert.equal(formulaOf("/opt/homebrew/Cellar/glib/2.86.1/lib/libglib-2.0.0.dylib"), "glib");
  });

  it("QEMU's data goes to the part of its architecture", () => {
    assert.equal(partOfData("edk2-aarch64-code.fd", "x86_64"), "qemu");
    assert.equal(partOfData("bios-256k.bin", "x86_64"), "emulator-x86_64");
    assert.equal(partOfData("efi-virtio.rom", "x86_64"), "qemu");
    assert.equal(partOfData("openbios-ppc", "x86_64"), undefined);
  });
});

describe("an MSYS2 prefix", () => {
  it("objdump's DLL names are read once each", async () => {
    assert.deepEqual(parseObjdump(await fixture("objdump.txt")), [
      "ADVAPI32.dll",
      "api-ms-win-crt-convert-l1-1-0.dll",
      "libglib-2.0-0.dll",
      "zlib1.dll",
    ]);
  });

  it("both tools' words about a real module are read alike", async () => {
    // GNU objdump 2.40 and llvm-objdump 14.0.6 (Debian), @img/sharp-win32-x64 0.35.5; cut to header and import tables.
    const [gnu, llvm] = await Promise.all(
      ["objdump", "llvm-objdump"].map(async (tool) => parseObjdump(await fixture(`${tool}-sharp-win32-x64-0.35.5.txt`))),
    );
    assert.deepEqual(gnu, ["KERNEL32.dll", "libvips-42.dll", "libvips-cpp-8.18.7.dll"]);
    assert.deepEqual(llvm, gnu);
    // Debian's gcc-mingw-w64-x86-64-posix-runtime 12.2.0-14: a DLL of the family that MSYS2 has.
    const runtime = parseObjdump(await fixture("objdump-libstdc++-6.txt"));
    assert.deepEqual(runtime.filter(isPrefixLibrary), ["libgcc_s_seh-1.dll", "libwinpthread-1.dll"]);
  });

  it("Windows' own DLLs are told from the prefix's", () => {
    assert.deepEqual(["libglib-2.0-0.dll", "zlib1.dll", "KERNEL32.dll"].map(isPrefixLibrary), [true, true, false]);
  });

  it("ntldd's paths are read, missing ones kept as such", async () => {
    const found = parseNtldd(await fixture("ntldd.txt"));
    assert.equal(found.get("libglib-2.0-0.dll"), "C:\\msys64\\ucrt64\\bin\\libglib-2.0-0.dll");
    assert.equal(found.get("libmissing-1.dll"), undefined);
    assert.equal(found.size, 3);
  });

  it("pacman tells owners, licences and sources", async () => {
    const owners = parseOwners("/ucrt64/bin/libglib-2.0-0.dll is owned by mingw-w64-ucrt-x86_64-glib2 2.86.1-1\n");
    assert.deepEqual(owners.get("/ucrt64/bin/libglib-2.0-0.dll"), { name: "mingw-w64-ucrt-x86_64-glib2", version: "2.86.1-1" });
    const [qemu] = parsePacmanInfo(await fixture("pacman-qi.txt"));
    assert.equal(qemu?.license, "GPL-2.0-only AND LGPL-2.1-only");
    assert.equal(qemu?.source.offer, "https://repo.msys2.org/mingw/sources/mingw-w64-qemu-10.1.2-1.src.tar.zst");
  });
});
