import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseKind, isBroken9p } from "../../../src/machine/shares/choose.ts";
import { sharedFolder } from "../../../src/machine/shares/folder.ts";
import { parseGuestFacts } from "../../../src/machine/shares/guest.ts";
import { parseMeasured } from "../../../src/machine/shares/measure.ts";
import { virtiofsdArguments } from "../../../src/machine/shares/virtiofsd.ts";
import { freeTag, Share } from "../../../src/model/index.ts";

describe("shared folders", () => {
  const both = { virtiofs: undefined, "9p": undefined };
  const linux = { virtiofs: true, "9p": true, kernel: "6.1.0-30-amd64" };
  const windows = { virtiofs: { reason: "virtiofsd exists on Linux hosts only" }, "9p": { reason: "not built for Windows" } };

  it("auto takes virtiofs, else 9p with the reason, else neither with both reasons and what to do instead", () => {
    assert.deepEqual(chooseKind("auto", both, linux), { kind: "virtiofs", reason: "the fastest that host and guest have" });
    const mac = { ...both, virtiofs: { reason: "virtiofsd exists on Linux hosts only" } };
    assert.deepEqual(chooseKind("auto", mac, linux), { kind: "9p", reason: "virtiofsd exists on Linux hosts only" });
    const none = chooseKind("auto", windows, linux);
    assert.equal(none.kind, undefined);
    assert.equal(none.reason, "virtiofs: virtiofsd exists on Linux hosts only; 9p: not built for Windows");
    assert.match(none.kind === undefined ? none.hint : "", /viv sync/);
  });

  it("a kind that is asked for is not replaced; what the kernel lacks is said", () => {
    const cloud = { ...linux, "9p": false, kernel: "6.1.0-30-cloud-amd64" };
    const refused = chooseKind("9p", both, cloud);
    assert.equal(refused.reason, "9p: the guest's kernel (6.1.0-30-cloud-amd64) has no 9p");
    const later = chooseKind("9p", { ...both, "9p": { reason: "only when the machine starts", atNextStart: true } }, linux);
    assert.ok(later.kind === undefined && later.atNextStart);
  });

  it("9p of Linux 6.9 to 6.11 is warned of", () => {
    assert.deepEqual(["6.8.0", "6.9.1", "6.11.0-rc1", "6.12.3", "7.10"].map(isBroken9p), [false, true, true, false, false]);
    assert.match(chooseKind("9p", both, { ...linux, kernel: "6.10.4" }).reason, /6\.9 to 6\.11/);
  });

  it("of a guest's answer only what has the right form counts", () => {
    const text = "way virtiofs\nway 9p\nway tmpfs\nkernel 6.1.0-30-amd64\nuser 1000 1000\n";
    assert.deepEqual(parseGuestFacts(text), { virtiofs: true, "9p": true, kernel: "6.1.0-30-amd64", uid: 1000, gid: 1000 });
    const forged = "way virtiofs; rm\nkernel \u001b[31mred\nuser -1 99999999999\n";
    assert.deepEqual(parseGuestFacts(forged), { virtiofs: false, "9p": false, kernel: "unknown", uid: 0, gid: 0 });
  });

  it("virtiofsd is in its sandbox, and one user of the host is one user of the guest, whoever writes there", () => {
    assert.equal(
      virtiofsdArguments("/home/ada/a b", "/run/fs.sock", true, { host: { uid: 1000, gid: 100 }, guest: { uid: 0, gid: 5 } }).join(" "),
      "--shared-dir /home/ada/a b --socket-path /run/fs.sock --sandbox namespace --seccomp kill --log-level warn --readonly " +
        "--translate-uid map:0:1000:1 --translate-uid squash-guest:1:1000:4294967294 " +
        "--translate-gid map:5:100:1 --translate-gid squash-guest:0:100:5 --translate-gid squash-guest:6:100:4294967289",
    );
  });

  it("a tag is the folder's name as far as it can be, and no other share's", () => {
    const tags = ["/home/ada/My Project", "/srv/9lives", "/data/日本", "/x/-a-"].map((path) => freeTag(path, []));
    assert.deepEqual(tags, ["my-project", "lives", "share", "a"]);
    assert.equal(freeTag("/a/src", [{ tag: "src" }, { tag: "src-2" }]), "src-3");
    for (const tag of tags) Share.shape.tag.parse(tag);
  });

  it("paths of vm.json are absolute, and a mount point leads nowhere else than it reads", () => {
    const reads = (share: object) => Share.safeParse({ tag: "t", path: "/a", ...share }).success;
    assert.deepEqual([reads({}), reads({ path: "C:\\Users\\Ada" }), reads({ mountPoint: "/work space" })], [true, true, true]);
    for (const bad of [{ path: "a" }, { path: "../a" }, { path: "/a\nb" }, { tag: "A" }, { tag: "" }])
      assert.ok(!reads(bad), JSON.stringify(bad));
    for (const mountPoint of ["/", "mnt", "/mnt/..", "/mnt/../etc", "/a\u0000"]) assert.ok(!reads({ mountPoint }), mountPoint);
  });

  it("what a guest measured, and what it did not, is told apart", () => {
    const text =
      "time write 100.00 102.00\ntime read 103.00 103.00\nfailed write-small\ntime write-small 1.00 2.00\ntest symlinks yes\ntest exec no\ntest case maybe\n";
    const measured = parseMeasured(text);
    assert.equal(measured.writeBytesPerSecond, 8 * 1024 ** 2);
    assert.equal(measured.readBytesPerSecond, 1600 * 1024 ** 2, "as fast as the clock can tell");
    assert.deepEqual([measured.writeFilesPerSecond, measured.readFilesPerSecond], [null, null]);
    assert.deepEqual([measured.symlinks, measured.execBit, measured.caseSensitive, measured.locks], [true, false, null, null]);
  });

  it("no folder is shared that holds Vivarium's own, by whichever way it is named", async () => {
    const root = await mkdtemp(join(tmpdir(), "shares-"));
    try {
      const home = join(root, "ada", ".vivarium");
      await mkdir(join(home, "machines"), { recursive: true });
      await mkdir(join(root, "ada", ".vivarium-notes"));
      await writeFile(join(root, "file"), "");
      await symlink(join(home, "machines"), join(root, "link"));
      for (const path of [home, join(home, "machines"), join(root, "ada"), root, join(root, "link")])
        await assert.rejects(sharedFolder(path, home), { code: "usage", message: /Vivarium's own files/ }, path);
      assert.equal((await sharedFolder(join(root, "ada", ".vivarium-notes"), home)).path, join(root, "ada", ".vivarium-notes"));
      await assert.rejects(sharedFolder(join(root, "absent"), home), { code: "not-found" });
      await assert.rejects(sharedFolder(join(root, "file"), home), { code: "not-a-folder" });
      await assert.rejects(sharedFolder("ada", home), { code: "usage" });
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
