import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chooseArchives, parseSources, sourcesList } from "../../../scripts/apt/sources.ts";
import { aptConf } from "../../../scripts/bundle/apt.ts";
import { readLicense, toSpdx } from "../../../scripts/bundle/copyright.ts";
import { upstreamVersion } from "../../../scripts/bundle/debian.ts";
import { readElfNeeds } from "../../../scripts/bundle/elf.ts";
import { libraryClosure } from "../../../scripts/bundle/libraries.ts";
import { type PackageRecord, packageClosure, parseDepends, parseRecords } from "../../../scripts/bundle/packages.ts";
import { wanted } from "../../../scripts/bundle/recipe.ts";
import { forgetHostPaths } from "../../../scripts/bundle/relocate.ts";
import { foreignFiles } from "../../../scripts/bundle/verify.ts";

const fixture = (name: string): Promise<string> => readFile(new URL(`fixtures/${name}`, import.meta.url), "utf8");

describe("the host's apt sources", () => {
  it("are read from deb822 files, disabled stanzas left out", async () => {
    const sources = parseSources("debian.sources", await fixture("debian.sources"));
    assert.deepEqual(
      sources.map(({ uri, suite }) => `${uri} ${suite}`),
      [
        "http://mirror.example/debian bookworm",
        "http://mirror.example/debian bookworm-updates",
        "http://mirror.example/debian-security bookworm-security",
      ],
    );
    assert.deepEqual(sources[0]?.signedBy, { path: "/usr/share/keyrings/debian-archive-keyring.gpg" });
  });

  it("keep an embedded key's lines", async () => {
    const sources = parseSources("debian.sources", await fixture("debian.sources"));
    const signedBy = sources[2]?.signedBy;
    assert.ok(signedBy !== undefined && "key" in signedBy);
    assert.match(signedBy.key, /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME.*\n-----END PGP PUBLIC KEY BLOCK-----\n$/);
  });

  it("give the Debian archive among others, in the one-line format", async () => {
    const archives = chooseArchives(parseSources("/etc/apt/sources.list", await fixture("sources.list")));
    assert.deepEqual(archives, {
      main: { uri: "http://mirror.example/debian", signedBy: undefined },
      security: { uri: "http://mirror.example/debian-security", signedBy: undefined },
    });
  });

  it("without a security suite get the one beside their archive; signed-by is read from a line's options", () => {
    const sources = parseSources("x.list", "# deb x y z\ndeb [arch=amd64 signed-by=/k.gpg] http://m.example/debian/ sid main\n");
    assert.deepEqual(chooseArchives(sources), {
      main: { uri: "http://m.example/debian/", signedBy: { path: "/k.gpg" } },
      security: { uri: "http://m.example/debian-security", signedBy: { path: "/k.gpg" } },
    });
  });

  it("of Ubuntu name no Debian archive", () => {
    const sources = parseSources("x.list", "deb http://archive.ubuntu.com/ubuntu noble main\n");
    assert.equal(chooseArchives(sources), undefined);
  });

  it("become a private list of the bundle's suites with their keyrings", async () => {
    const archives = chooseArchives(parseSources("debian.sources", await fixture("debian.sources")));
    assert.ok(archives !== undefined);
    const list = sourcesList(archives, ["trixie", "trixie-security"], (key) =>
      key !== undefined && "path" in key ? key.path : "/root/key.asc",
    );
    assert.equal(
      list,
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian trixie main\n" +
        "deb [signed-by=/root/key.asc] http://mirror.example/debian-security trixie-security main\n",
    );
  });

  it("are followed by an apt.conf that keeps every path inside the private root", () => {
    const paths = [...aptConf("/private", "arm64", "me").matchAll(/^Dir::\S+ "([^"]+)"/gm)].map((found) => found[1] ?? "");
    assert.ok(paths.length > 8);
    assert.ok(paths.every((path) => path === "-" || path.startsWith("/private/")));
  });
});

describe("package records", () => {
  it("are read with their source package, the candidate version first", async () => {
    const [utils, gcc] = parseRecords(await fixture("apt-cache-show.txt"));
    assert.equal(utils?.version, "1:10.0.13+ds-0+deb13u1");
    assert.deepEqual(utils?.depends, [["libaio1t64"], ["libc6"], ["libgnutls30t64"], ["debconf", "debconf-2.0"]]);
    assert.equal(gcc?.sourceName, "gcc-14");
    assert.equal(gcc?.sourceVersion, "14.2.0-19");
    assert.deepEqual(gcc?.depends, [["libc6"]]);
  });

  it("name alternatives without versions and architectures", () => {
    assert.deepEqual(parseDepends("a (>= 1), b:any | c [amd64],\n d"), [["a"], ["b", "c"], ["d"]]);
    assert.deepEqual(parseDepends(undefined), []);
  });

  const record = (name: string, ...depends: string[][]): PackageRecord => ({
    name,
    version: "1",
    architecture: "amd64",
    sha256: "",
    bytes: 0,
    sourceName: name,
    sourceVersion: "1",
    depends,
  });
  const archive = [
    record("app", ["virtual", "lib-a"], ["helper"]),
    record("lib-a", ["lib-b"]),
    record("lib-b", ["lib-a"]),
    record("helper", ["perl"]),
    record("perl"),
  ];
  const lookUp = async (names: string[]): Promise<PackageRecord[]> => archive.filter((one) => names.includes(one.name));

  it("close over dependencies, cycles and virtual packages, without the excluded", async () => {
    const closure = await packageClosure(["app"], new Set(["helper"]), lookUp);
    assert.deepEqual(
      closure.map((one) => one.name),
      ["app", "lib-a", "lib-b"],
    );
  });

  it("fail for a root the archive does not have", async () => {
    await assert.rejects(packageClosure(["app", "gone"], new Set(), lookUp), /no package gone/);
  });
});

describe("the library closure", () => {
  const needs: Record<string, string[]> = { "/bin/a": ["x.so", "sys.so"], "/lib/x.so": ["y.so"], "/lib/y.so": ["x.so"] };
  const needsOf = async (file: string): Promise<string[]> => needs[file] ?? [];

  it("follows libraries of libraries and stops at the system's", async () => {
    const closure = await libraryClosure(["/bin/a"], needsOf, async (name) => (name === "sys.so" ? "system" : `/lib/${name}`));
    assert.deepEqual(
      [...closure],
      [
        ["x.so", "/lib/x.so"],
        ["y.so", "/lib/y.so"],
      ],
    );
  });

  it("names the file that needs a missing library", async () => {
    await assert.rejects(
      libraryClosure(["/bin/a"], needsOf, async () => undefined),
      /x\.so, needed by \/bin\/a/,
    );
  });

  it("reads what a real program needs", async () => {
    if (process.platform !== "linux") return;
    const { needed } = readElfNeeds(await readFile(process.execPath), process.execPath);
    assert.ok(needed.includes("libc.so.6") || needed.some((name) => name.startsWith("libc.")));
  });

  it("refuses what is not ELF", () => {
    assert.throws(() => readElfNeeds(Buffer.from("#!/bin/sh\n"), "script"), /not a 64-bit ELF/);
  });
});

describe("QEMU's host paths", () => {
  const triplet = "x86_64-linux-gnu";
  const program = Buffer.from(`abc\0/usr/lib/${triplet}/qemu\0/var/run/qemu/%s\0/usr/share/qemu\0end`);

  it("are overwritten at equal length, tails kept for the strings which share them", () => {
    const changed = forgetHostPaths(program, "qemu-img", triplet).toString("latin1");
    assert.equal(changed, `abc\0/proc/0//${triplet}/qemu\0/proc/0//qemu/%s\0/proc/0/re/qemu\0end`);
  });

  it("must be there: another build would be left open", () => {
    assert.throws(() => forgetHostPaths(Buffer.from("nothing"), "qemu-img", triplet), /expected once/);
  });
});

describe("licences", () => {
  it("are mapped to SPDX", () => {
    assert.equal(toSpdx("GPL-2+"), "GPL-2.0-or-later");
    assert.equal(toSpdx("LGPL-2.1"), "LGPL-2.1-only");
    assert.equal(toSpdx("Expat"), "MIT");
    assert.equal(toSpdx("BSD-3-clause"), "BSD-3-Clause");
  });

  it("are gathered from a machine-readable copyright file", () => {
    const copyright =
      "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+ or Expat\n\nFiles: b\nLicense: BSD-3-clause\n text\n\nLicense: Expat\n text\n";
    assert.equal(readLicense(copyright), "(GPL-2.0-or-later OR MIT) AND BSD-3-Clause");
  });

  it("of prose are left to the reader", () => {
    assert.equal(readLicense("This package was debianized by\n someone.\n"), "see copyright");
  });
});

describe("the recipe", () => {
  it("leaves out documentation and firmware variants", () => {
    assert.equal(wanted("usr/share/AAVMF/AAVMF_VARS.snakeoil.fd"), false);
    assert.equal(wanted("usr/share/doc/qemu-utils/changelog.gz"), false);
    assert.equal(wanted("usr/share/doc/qemu-utils/copyright"), true);
    assert.equal(wanted("usr/lib/x86_64-linux-gnu/libc.so.6"), true);
  });

  it("takes QEMU's version from Debian's", () => {
    assert.equal(upstreamVersion("1:10.0.13+ds-0+deb13u1"), "10.0.13");
    assert.throws(() => upstreamVersion("unknown"), /Not a QEMU package version/);
  });
});

describe("a process's mapped files", () => {
  it("are foreign when they lie outside the bundle", () => {
    const maps =
      "7f00-7f01 r--p 00000000 fe:00 1 /b/qemu/lib/libc.so.6\n7f02-7f03 r--p 00000000 fe:00 2                  /usr/lib/libz.so.1\n7f04-7f05 rw-p 00000000 00:00 0 [heap]\n7f06-7f07 rw-s 0 00:01 3 /memfd:x (deleted)\n";
    assert.deepEqual(foreignFiles(maps, "/b"), ["/usr/lib/libz.so.1"]);
  });
});
