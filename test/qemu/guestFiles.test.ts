import assert from "node:assert/strict";
import type { FileChanges, VivClient } from "../../src/api/index.ts";
import { guestPathText } from "../../src/model/index.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Files of a real guest, as the editor uses them, by each way into it. */
describe("a guest's files", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "box", { start: true });
    await client.call("machine.wait", { machine: "box", for: "ssh", timeoutMs: 120_000 });
    // Two file systems and a user, for what root alone would not meet.
    await shell("mkdir -p /work && adduser -D -H kim 2>/dev/null || true; chmod 755 /work");
  });
  after(() => home.dispose());

  async function shell(line: string): Promise<string> {
    const result = await client.call("machine.exec", { machine: "box", command: ["/bin/sh", "-c", line] });
    return Buffer.from(result.stdoutBase64, "base64").toString("latin1");
  }
  const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
  const code = (error: unknown) => (error as { code?: string }).code;
  const refusedWith = (wanted: string) => (error: unknown) => {
    assert.equal(code(error), wanted, String(error));
    return true;
  };

  for (const way of ["viv-agent", "agent", "ssh"] as const) {
    describe(`by ${way}`, () => {
      const at = (path: string) => ({ machine: "box", path, way }) as const;
      const folder = `/work/${way}`;

      before(async () => {
        await client.call("file.createFolder", at(folder));
      });

      it("writes whole files and reads them back, in parts too", async () => {
        const data = Buffer.alloc(300_000, "0123456789abcdef");
        await client.call("file.write", { ...at(`${folder}/big`), dataBase64: base64(data), how: "create" });
        const part = await client.call("file.read", { ...at(`${folder}/big`), offsetBytes: 131_000, lengthBytes: 70_000 });
        assert.equal(part.way, way);
        assert.ok(Buffer.from(part.dataBase64, "base64").equals(data.subarray(131_000, 201_000)));
        const end = await client.call("file.read", { ...at(`${folder}/big`), offsetBytes: 299_990 });
        assert.equal(Buffer.from(end.dataBase64, "base64").length, 10);
        const stat = await client.call("file.stat", at(`${folder}/big`));
        assert.equal(stat.sizeBytes, 300_000);
        assert.equal(stat.type, "file");
        assert.ok(Math.abs(stat.modifiedMs - Date.now()) < 600_000);
      });

      it("keeps owner, mode and other names of a file it replaces, and writes through a link", async () => {
        await shell(`cd ${folder}; echo old > tool; chmod 4750 tool; chown 1000:1000 tool; ln tool twin; echo x > one; ln -s one link`);
        await client.call("file.write", { ...at(`${folder}/tool`), dataBase64: base64("new\n"), how: "overwrite" });
        assert.equal(await shell(`cd ${folder}; cat twin; stat -c '%u:%g' tool`), "new\n1000:1000\n");
        await shell(`rm ${folder}/twin; chmod 0750 ${folder}/tool`);
        await client.call("file.write", { ...at(`${folder}/tool`), dataBase64: base64("newer\n") });
        assert.equal(await shell(`cd ${folder}; cat tool; stat -c '%a %u:%g' tool`), "newer\n750 1000:1000\n");
        await client.call("file.write", { ...at(`${folder}/link`), dataBase64: base64("through") });
        assert.equal(await shell(`cd ${folder}; readlink link; cat one; ls -A | grep -c '^.viv' || true`), "one\nthrough0\n");
      });

      it("has every name: newlines, bytes that are no UTF-8, dashes, blanks, stars", async () => {
        const names = ["-rf", " two  blanks ", "new\nline\n", "caf\xe9", "*", "$(id)", "quote'\"", "\\"].map((name) =>
          Buffer.from(name, "latin1"),
        );
        await client.call("file.createFolder", at(`${folder}/names`));
        for (const name of names)
          await client.call("file.write", { ...at(`${folder}/names/${guestPathText(name)}`), dataBase64: base64(name), how: "create" });
        const { entries, more } = await client.call("file.list", at(`${folder}/names`));
        assert.equal(more, false);
        assert.deepEqual(entries.map(({ name }) => name).sort(), names.map((name) => guestPathText(name)).sort());
        for (const name of names) {
          const { dataBase64 } = await client.call("file.read", at(`${folder}/names/${guestPathText(name)}`));
          assert.ok(Buffer.from(dataBase64, "base64").equals(name), name.toString("latin1"));
        }
        await client.call("file.remove", { ...at(`${folder}/names`), recursive: true });
        await assert.rejects(client.call("file.stat", at(`${folder}/names`)), refusedWith("not-found"));
      });

      it("says what links are, lead to, and when they lead nowhere or in a circle", async () => {
        await shell(`cd ${folder}; mkdir d; ln -s d dl; ln -s nowhere nl; ln -s circle circle; mkfifo pipe`);
        const { entries } = await client.call("file.list", at(folder));
        const of = (wanted: string) => entries.find(({ name }) => name === wanted);
        assert.deepEqual(of("dl"), { name: "dl", type: "folder", link: true });
        assert.deepEqual(of("nl"), { name: "nl", type: "none", link: true });
        assert.deepEqual(of("circle"), { name: "circle", type: "none", link: true });
        assert.deepEqual(of("pipe"), { name: "pipe", type: "other", link: false });
        assert.equal((await client.call("file.stat", at(`${folder}/nl`))).target, "nowhere");
        await assert.rejects(client.call("file.read", at(`${folder}/pipe`)), refusedWith("io-error"));
        await assert.rejects(client.call("file.write", { ...at(`${folder}/nl`), dataBase64: "" }), refusedWith("not-found"));
      });

      it("renames, copies and removes as an editor means it", async () => {
        await shell(
          `cd ${folder}; mkdir -p t/sub; echo a > t/sub/a; chmod 711 t/sub/a; ln -s a t/sub/l; mkdir full; echo f > full/f; echo o > o`,
        );
        await client.call("file.copy", { ...at(`${folder}/t`), target: `${folder}/t2` });
        assert.equal(await shell(`cd ${folder}/t2/sub; stat -c %a a; readlink l; cat a`), "711\na\na\n");
        await assert.rejects(client.call("file.copy", { ...at(`${folder}/t`), target: `${folder}/full` }), refusedWith("exists"));
        await assert.rejects(client.call("file.copy", { ...at(`${folder}/t`), target: `${folder}/t/sub/in` }), refusedWith("io-error"));
        await client.call("file.rename", { ...at(`${folder}/t2`), target: `${folder}/full`, overwrite: true });
        assert.equal(await shell(`cd ${folder}; ls full; ls -d t2 2>&1 | grep -c t2`), "sub\n1\n");
        await assert.rejects(client.call("file.rename", { ...at(`${folder}/o`), target: `${folder}/full` }), refusedWith("exists"));
        await assert.rejects(client.call("file.rename", { ...at(`${folder}/gone`), target: `${folder}/x` }), refusedWith("not-found"));
        await client.call("file.rename", { ...at(`${folder}/o`), target: `${folder}/o2` });
        await assert.rejects(client.call("file.remove", at(`${folder}/full`)), refusedWith("io-error"));
        await client.call("file.remove", { ...at(`${folder}/full`), recursive: true });
        await client.call("file.remove", at(`${folder}/o2`));
        assert.equal(await shell(`cd ${folder}; ls -A | grep -E 'full|o2|viv' | wc -l`), "0\n");
      });

      it("never removes what is mounted below", async () => {
        await shell(`mkdir -p ${folder}/m/inner; mount -t tmpfs none ${folder}/m/inner; echo keep > ${folder}/m/inner/keep`);
        await assert.rejects(client.call("file.remove", { ...at(`${folder}/m`), recursive: true }), /mounted/);
        assert.equal(await shell(`cat ${folder}/m/inner/keep; umount ${folder}/m/inner`), "keep\n");
      });

      const refused: readonly (readonly [what: string, work: () => Promise<unknown>, wanted: string])[] = [
        ["a file that must not exist", () => client.call("file.write", { ...at("/etc/passwd"), dataBase64: "", how: "create" }), "exists"],
        [
          "a file that must exist",
          () => client.call("file.write", { ...at(`${folder}/nope`), dataBase64: "", how: "overwrite" }),
          "not-found",
        ],
        ["writing a folder", () => client.call("file.write", { ...at("/etc"), dataBase64: "" }), "is-a-folder"],
        ["reading a folder", () => client.call("file.read", at("/etc")), "is-a-folder"],
        ["listing a file", () => client.call("file.list", at("/etc/passwd")), "not-a-folder"],
        ["a path through a file", () => client.call("file.stat", at("/etc/passwd/x")), "not-a-folder"],
        ["a folder that exists", () => client.call("file.createFolder", at("/etc")), "exists"],
        ["a folder without a parent", () => client.call("file.createFolder", at(`${folder}/no/where`)), "not-found"],
        ["removing the root", () => client.call("file.remove", { ...at("/"), recursive: true }), "io-error"],
        ["a relative path", () => client.call("file.stat", at("etc")), "usage"],
        [
          "a file system that is read-only",
          () => client.call("file.write", { ...at("/sys/kernel/nope"), dataBase64: base64("x") }),
          "no-permission",
        ],
      ];
      for (const [what, work, wanted] of refused) it(`refuses ${what}`, () => assert.rejects(work(), refusedWith(wanted)));
    });
  }

  it("takes the best way by itself and says which", async () => {
    assert.equal((await client.call("file.stat", { machine: "box", path: "/../etc/./passwd" })).way, "viv-agent");
    assert.deepEqual(await client.call("file.home", { machine: "box" }), { path: "/root", user: "root" });
  });

  it("a huge folder is told up to a limit", async () => {
    await shell("mkdir /work/huge; cd /work/huge; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done");
    const some = await client.call("file.list", { machine: "box", path: "/work/huge", limit: 1000 });
    assert.deepEqual([some.entries.length, some.more], [1000, true]);
    assert.equal((await client.call("file.list", { machine: "box", path: "/work/huge" })).entries.length, 3000);
  });

  it("what root makes in somebody's folder is that person's", async () => {
    await shell("mkdir /work/kim; chown 1000:1000 /work/kim");
    await client.call("file.write", { machine: "box", path: "/work/kim/new", dataBase64: "" });
    await client.call("file.createFolder", { machine: "box", path: "/work/kim/folder" });
    assert.equal(await shell("stat -c '%u:%g %a' /work/kim/new /work/kim/folder"), "1000:1000 644\n1000:1000 755\n");
  });

  it("a file keeps its content when the new one did not fit", async () => {
    await shell("mkdir /work/small; mount -t tmpfs -o size=64k none /work/small; echo precious > /work/small/f");
    const write = client.call("file.write", { machine: "box", path: "/work/small/f", dataBase64: base64(Buffer.alloc(200_000)) });
    await assert.rejects(write, refusedWith("disk-full"));
    assert.equal(await shell("cat /work/small/f; ls -A /work/small"), "precious\nf\n");
  });

  for (const recursive of [false, true]) {
    it(`tells what changes in a folder${recursive ? " and below it, but for what is left out" : ", not below it"}`, async () => {
      const folder = `/work/watched-${recursive}`;
      await shell(`mkdir -p ${folder}/sub/node_modules`);
      const told = await watched(folder, recursive);
      await shell(`cd ${folder}; echo 1 > a; echo 2 >> a; echo 1 > sub/b; echo 1 > sub/node_modules/c; mv a z; rm z; echo end > end`);
      const changes = await told.until((all) => all.some(({ path }) => path === `${folder}/end`));
      const paths = new Set(changes.map(({ path }) => path.slice(folder.length + 1)));
      assert.ok(paths.has("a") && paths.has("z"), [...paths].join());
      assert.equal(paths.has("sub/b"), recursive);
      assert.equal(paths.has("sub/node_modules/c"), false);
      told.close();
    });
  }

  async function watched(path: string, recursive: boolean) {
    const stream = await client.openWatch({ machine: "box", path, recursive, excludes: ["**/node_modules/**"] });
    assert.ok(stream);
    const all: Exclude<FileChanges, "overflow">[number][] = [];
    let look: () => void = () => undefined;
    stream.onChanges((changes) => {
      if (changes !== "overflow") all.push(...changes);
      look();
    });
    return {
      close: () => stream.close(),
      until: (fits: (changes: typeof all) => boolean) =>
        new Promise<typeof all>((resolve) => {
          look = () => {
            if (fits(all)) resolve(all);
          };
          look();
        }),
    };
  }

  it("a watch ends with its folder", async () => {
    await shell("mkdir /work/brief");
    const stream = await client.openWatch({ machine: "box", path: "/work/brief" });
    const ended = new Promise<void>((resolve) => stream?.onEnd(() => resolve()));
    await shell("rmdir /work/brief");
    await ended;
  });

  it("a machine that does not run says so", async () => {
    await starterMachine(client, "off");
    await assert.rejects(client.call("file.stat", { machine: "off", path: "/" }), refusedWith("wrong-state"));
  });
});
