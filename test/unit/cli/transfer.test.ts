import assert from "node:assert/strict";
import type { PruneItem } from "../../../src/api/index.ts";
import { runViv } from "./support/run-viv.ts";

/** Images, clones, import, export and prune as words of the command line. */
describe("in and out", () => {
  const items: PruneItem[] = [
    { kind: "machine", name: "old", detail: "removed yesterday", bytes: 3 * 1024 ** 2 },
    { kind: "image", name: "starter-x", detail: "no machine is built on it", bytes: 1024 ** 2 },
  ];
  const pruneAnswers = {
    "prune.list": () => items,
    "prune.run": () => ({ freedBytes: 4 * 1024 ** 2, items }),
  };

  it("prune shows and deletes nothing with --dry-run", async () => {
    const ended = await runViv(["prune", "--dry-run"], { answers: pruneAnswers });
    assert.equal(ended.code, 0);
    assert.match(ended.stdout, /machine +old +3 MiB +removed yesterday/);
    assert.match(ended.stdout, /4 MiB can be freed/);
    assert.deepEqual(
      ended.client.calls.map(({ method }) => method),
      ["prune.list"],
    );
  });

  it("prune deletes nothing where nobody can be asked, and says what to add", async () => {
    for (const words of [["prune"], ["prune", "--json"]]) {
      const ended = await runViv(words, { answers: pruneAnswers });
      assert.equal(ended.code, 2);
      assert.deepEqual(
        ended.client.calls.map(({ method }) => method),
        ["prune.list"],
      );
    }
    assert.equal((await runViv(["prune", "--yes", "--dry-run"], { answers: pruneAnswers })).code, 2);
  });

  it("prune asks for no more than was shown: kinds and the machine go along", async () => {
    const ended = await runViv(["prune", "web", "--yes", "--kind", "machine", "--json"], { answers: pruneAnswers });
    assert.equal(ended.code, 0);
    assert.deepEqual(ended.client.calls, [
      { method: "prune.list", params: { machine: "web" } },
      { method: "prune.run", params: { machine: "web", kinds: ["machine"] } },
    ]);
    assert.deepEqual((await runViv(["prune", "--yes", "--kind", "disk"], { answers: pruneAnswers })).client.calls.length, 1);
  });

  it("clone, export and import say what they were told, with paths as the caller meant them", async () => {
    const clone = await runViv(["clone", "web", "web-2", "--linked", "--snapshot", "s1"], {
      answers: { "machine.clone": () => ({ id: "1", name: "web-2", linked: true, way: "linked" as const }) },
    });
    assert.deepEqual(clone.client.calls[0]?.params, { machine: "web", name: "web-2", linked: true, snapshot: "s1" });
    assert.match(clone.stdout, /web-2: cloned, shares what was there/);
    const written = await runViv(["export", "web", "out/web.ova", "--overwrite"], {
      answers: { "machine.export": () => ({ file: "/x", bytes: 2048, sha256: "ab" }) },
    });
    const params = written.client.calls[0]?.params as { file: string; overwrite: boolean };
    assert.match(params.file, /^\/.*\/out\/web\.ova$/);
    assert.equal(params.overwrite, true);
    assert.equal(written.stdout, "out/web.ova: 2 KiB\nab  out/web.ova\n");
    const made = await runViv(["import", "/a.ova", "web", "--arch", "aarch64", "--firmware", "uefi"], {
      answers: { "machine.import": () => ({ id: "1", name: "web", notes: ["Its checksums hold."] }) },
    });
    assert.deepEqual(made.client.calls[0]?.params, { file: "/a.ova", name: "web", architecture: "aarch64", firmware: "uefi" });
    assert.match(made.stdout, /web: imported .*\n {2}Its checksums hold\./);
    assert.equal((await runViv(["import", "/a.ova", "../web"])).code, 2);
  });

  it("image convert takes the format from the target's name, or asks for it", async () => {
    const answers = { "image.convert": () => ({ file: "/b", bytes: 1 }) };
    const formatOf = async (...words: string[]) => {
      const { client } = await runViv(["image", "convert", "/a", ...words], { answers });
      return (client.calls[0]?.params as { format: string } | undefined)?.format;
    };
    assert.deepEqual(
      [await formatOf("/b.vmdk"), await formatOf("/b.img"), await formatOf("/b", "--format", "vdi")],
      ["vmdk", "raw", "vdi"],
    );
    const unsaid = await runViv(["image", "convert", "/a", "/b.vhdx"], { answers });
    assert.deepEqual([unsaid.code, unsaid.client.calls], [2, []]);
  });

  it("image inspect shows what a hostile file is called without its control characters, and why it is refused", async () => {
    const ended = await runViv(["image", "inspect", "/a"], {
      answers: {
        "image.inspect": () => ({
          file: "/a",
          format: "qcow2" as const,
          virtualBytes: 1024,
          allocatedBytes: 512,
          chain: [{ file: "/etc/\u001b[31mpasswd", format: null }],
          snapshots: [{ id: "1", name: "s\u0007", createdAt: "2026-01-01T00:00:00Z", memoryBytes: 0 }],
          partitions: [{ number: 1, type: "EFI system", startByte: 0, bytes: 512, bootable: true }],
          facts: [{ name: "version", value: "3" }],
          refused: "is built on another file",
        }),
      },
    });
    assert.doesNotMatch(ended.stdout, /(?!\n)\p{Cc}/u);
    assert.match(ended.stdout, /refused +it is built on another file/);
    assert.match(ended.stdout, /EFI system/);
  });

  it("image check ends with 1 for an image that lost something", async () => {
    const answers = { "image.check": () => ({ sound: false, corruptions: 2, leaks: 1 }) };
    const ended = await runViv(["image", "check", "/a"], { answers });
    assert.deepEqual([ended.code, ended.stdout], [1, "/a: 2 corruptions, 1 clusters wasted\n"]);
  });
});
