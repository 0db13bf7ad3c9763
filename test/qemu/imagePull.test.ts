import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect as netConnect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as openpgp from "openpgp";
import type { Params, VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, type Pauses, pausesIn, until } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { gptDisk, mbrDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type Answer, redirectTo, type WebServer, webServer } from "../support/webServer.ts";
import { makeWorld, type World } from "./world.ts";

const mib = 1024 ** 2;
const sha256 = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");

/** A file with an ETag, ranges as RFC 9110 §14 has them; `slow` sends so many bytes, then stays silent or goes away. */
function served(file: Buffer, options: { etag?: string; stopAfter?: number; after?: "silent" | "cut" } = {}): Answer {
  return (request: IncomingMessage, response: ServerResponse) => {
    const etag = options.etag ?? `"${sha256(file).slice(0, 16)}"`;
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const from = range && request.headers["if-range"] === etag ? Number(range[1]) : 0;
    if (from >= file.length && from > 0) return void response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    const part = file.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": part.length,
      "accept-ranges": "bytes",
      etag,
      ...(from > 0 ? { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    });
    if (options.stopAfter === undefined) return void response.end(part);
    response.write(part.subarray(0, options.stopAfter), () => {
      if (options.after === "cut") setTimeout(() => response.destroy(), 50);
    });
  };
}

describe("image pull", function () {
  this.timeout(240_000);
  let world: World;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let server: WebServer;
  let disk: Buffer;
  let content: Buffer;
  let key: { privateKey: openpgp.PrivateKey; file: string };
  let stranger: openpgp.PrivateKey;
  const answers: Record<string, Answer> = {};

  before(async () => {
    world = await makeWorld();
    pauses = pausesIn(world.folder);
    home = await testHome({ environment: pauses.environment });
    client = await home.client();
    await gptDisk(world.path("disk.raw"), "BOOTX64.EFI");
    content = await readFile(world.path("disk.raw"));
    const { exitCode, stderr } = await runTool(
      "qemu-img",
      ["convert", "-f", "raw", "-O", "qcow2", "-o", "preallocation=full", "disk.raw", "disk.qcow2"],
      world.folder,
    );
    assert.equal(exitCode, 0, stderr);
    disk = await readFile(world.path("disk.qcow2"));
    const pair = await openpgp.generateKey({ userIDs: [{ name: "Vendor" }], format: "object", date: new Date(Date.now() - 3_600_000) });
    await writeFile(world.path("vendor.asc"), pair.publicKey.armor());
    key = { privateKey: pair.privateKey, file: world.path("vendor.asc") };
    stranger = (await openpgp.generateKey({ userIDs: [{ name: "Stranger" }], format: "object" })).privateKey;
    server = await webServer(answers);
  });
  after(async () => {
    await server?.close();
    await home.dispose();
    await world.dispose();
  });

  const url = (path: string): string => new URL(path, server.url).href;
  const pull = (path: string, params: Partial<Params<"image.pull">> = {}) => client.call("image.pull", { source: url(path), ...params });
  const downloads = async (): Promise<string[]> => readdir(join(home.folder, "cache", "downloads")).catch(() => []);
  const stored = async (): Promise<string[]> => (await readdir(join(home.folder, "images"))).filter((name) => name.startsWith("sha256-"));
  const names = async (): Promise<string[]> => (await client.call("image.list", {})).map(({ name }) => name);

  const detached = async (list: string, privateKey: openpgp.PrivateKey, date?: Date): Promise<string> =>
    (await openpgp.sign({
      message: await openpgp.createMessage({ binary: new TextEncoder().encode(list) }),
      signingKeys: privateKey,
      detached: true,
      ...(date ? { date } : {}),
    })) as string;

  /** The disk as the guest will see it. */
  async function contentOf(name: string): Promise<Buffer> {
    const { sha256: digest } = (await client.call("image.list", {})).find((image) => image.name === name) ?? {};
    const file = join(home.folder, "images", `sha256-${digest}`, "disk.qcow2");
    const { exitCode, stderr } = await runTool("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", file, "seen.raw"], world.folder);
    assert.equal(exitCode, 0, stderr);
    return readFile(world.path("seen.raw"));
  }

  it("by a digest brings the same bytes, read-only and there once under two names", async () => {
    answers["/disk.qcow2"] = served(disk);
    const { image, fetched } = await pull("/disk.qcow2", { digest: sha256(disk), name: "one" });
    assert.ok(fetched);
    assert.deepEqual(
      [image.firmware, image.architecture, image.origin?.proof, image.origin?.digest],
      ["uefi", "x86_64", "digest", `sha256:${sha256(disk)}`],
    );
    assert.ok((await contentOf("one")).equals(content));
    await pull("/disk.qcow2", { digest: sha256(disk), name: "two" });
    assert.equal((await stored()).length, 1);
    const file = join(home.folder, "images", (await stored())[0] ?? "", "disk.qcow2");
    assert.equal((await stat(file)).mode & 0o777, 0o444);
    assert.deepEqual(await downloads(), []);
    assert.equal((await client.call("image.remove", { name: "two" })).freedBytes, 0);
    assert.deepEqual((await names()).includes("two"), false);
  });

  it("again asks for nothing where it is here already; another digest under the name takes its place", async () => {
    const before = server.asked.length;
    const again = await pull("/disk.qcow2", { digest: sha256(disk), name: "one" });
    assert.equal(again.fetched, false);
    assert.equal(server.asked.length, before);
    await mbrDisk(world.path("mbr.raw"));
    const newer = await readFile(world.path("mbr.raw"));
    answers["/disk.qcow2"] = served(newer);
    const updated = await pull("/disk.qcow2", { digest: sha256(newer), name: "one" });
    assert.equal(updated.image.firmware, "bios");
    answers["/other.qcow2"] = served(disk);
    assert.equal(await codeOf(pull("/other.qcow2", { digest: sha256(disk), name: "one" })), "exists");
    answers["/disk.qcow2"] = served(disk);
    await pull("/disk.qcow2", { digest: sha256(disk), name: "one" });
  });

  it("by a signed list: detached and clear-signed, with the key that was given", async () => {
    const list = `${sha256(disk)}  disk.qcow2\n`;
    answers["/SUMS"] = list;
    answers["/SUMS.gpg"] = await detached(list, key.privateKey);
    const signed = { checksums: url("/SUMS"), signature: url("/SUMS.gpg"), keyFile: key.file };
    const { image } = await pull("/disk.qcow2", { ...signed, name: "signed" });
    assert.equal(image.origin?.proof, "signed-checksums");
    assert.match(image.origin?.signedBy ?? "", /^vendor\.asc \([0-9A-F]{40}\)$/);
    answers["/CHECKSUM"] = await openpgp.sign({
      message: await openpgp.createCleartextMessage({ text: `SHA256 (disk.qcow2) = ${sha256(disk)}` }),
      signingKeys: key.privateKey,
    });
    await pull("/disk.qcow2", { checksums: url("/CHECKSUM"), signature: "inside", keyFile: key.file, name: "clear" });
  });

  it("with a bad, expired, foreign or absent signature, or a stale list, is refused, and nothing is fetched", async () => {
    const list = `${sha256(disk)}  disk.qcow2\n`;
    answers["/SUMS"] = list;
    const day = 86_400_000;
    const short = await openpgp.generateKey({
      userIDs: [{ name: "Old" }],
      format: "object",
      date: new Date(Date.now() - 10 * day),
      keyExpirationTime: (5 * day) / 1000,
    });
    await writeFile(world.path("old.asc"), short.publicKey.armor());
    const before = server.asked.filter((path) => path === "/disk.qcow2").length;
    for (const [signature, keyFile] of [
      [await detached(list, stranger), key.file],
      [await detached(`${list}x`, key.privateKey), key.file],
      [await detached(list, short.privateKey, new Date(Date.now() - 7 * day)), world.path("old.asc")],
      ["no signature", key.file],
    ] as const) {
      answers["/bad.gpg"] = signature;
      assert.equal(
        await codeOf(pull("/disk.qcow2", { checksums: url("/SUMS"), signature: url("/bad.gpg"), keyFile, name: "bad" })),
        "untrusted-input",
      );
    }
    assert.equal(
      await codeOf(pull("/disk.qcow2", { checksums: url("/SUMS"), signature: url("/none.gpg"), keyFile: key.file, name: "bad" })),
      "not-found",
    );
    assert.equal(server.asked.filter((path) => path === "/disk.qcow2").length, before);
    // The list is of yesterday's file.
    answers["/STALE"] = `${sha256("yesterday")}  disk.qcow2\n`;
    assert.equal(await codeOf(pull("/disk.qcow2", { checksums: url("/STALE"), name: "bad" })), "untrusted-input");
    assert.deepEqual([(await names()).includes("bad"), await downloads()], [false, []]);
  });

  it("a list that was signed before the one known is refused: nobody goes back by accident", async () => {
    const list = `${sha256("an old image")}  disk.qcow2\n`;
    answers["/SUMS"] = list;
    answers["/SUMS.gpg"] = await detached(list, key.privateKey, new Date(Date.now() - 600_000));
    const error = await pull("/disk.qcow2", {
      checksums: url("/SUMS"),
      signature: url("/SUMS.gpg"),
      keyFile: key.file,
      name: "signed",
    }).catch((thrown: Error) => thrown);
    assert.ok(error instanceof Error);
    assert.match(error.message, /was signed .* before the one it was fetched by last/);
  });

  for (const [what, answer, code, words] of [
    ["a web page", () => "<!DOCTYPE html><title>Sign in</title>", "untrusted-input", /web page/],
    ["no image", () => Buffer.alloc(4 * mib, "not a disk "), "untrusted-input", /no disk image/],
    ["a redirect to a file", () => redirectTo("file:///etc/passwd"), "untrusted-input", /not followed/],
    ["nothing", () => "", "untrusted-input", /empty/],
    ["an error", () => (_q: IncomingMessage, r: ServerResponse) => r.writeHead(503).end(), "failed", /503/],
    [
      "more than it said",
      () => (_q: IncomingMessage, r: ServerResponse) => r.writeHead(200, { "content-length": 2 ** 40 }).write("x"),
      "untrusted-input",
      /longer than 128 GiB/,
    ],
  ] as const)
    it(`that brings ${what} is refused, and nothing stays`, async () => {
      const made = answer();
      answers["/wrong"] = made;
      const digest = typeof made === "function" ? sha256("x") : sha256(made);
      const error = await pull("/wrong", { digest, name: "wrong" }).catch((thrown: { code: string; message: string }) => thrown);
      assert.ok("code" in error);
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.equal((await names()).includes("wrong"), false);
      for (const name of (await downloads()).filter((file) => file.endsWith(".part")))
        assert.equal((await stat(join(home.folder, "cache", "downloads", name))).size, 0);
    });

  it("with another digest is refused and thrown away", async () => {
    assert.equal(await codeOf(pull("/disk.qcow2", { digest: sha256("x"), name: "wrong" })), "untrusted-input");
    assert.deepEqual(
      (await downloads()).filter((name) => name.startsWith(sha256(`${url("/disk.qcow2")} ${sha256("x")}`).slice(0, 32))),
      [],
    );
  });

  it("without anything that proves it is refused", async () => {
    assert.equal(await codeOf(pull("/disk.qcow2")), "usage");
    assert.equal(await codeOf(client.call("image.pull", { source: "file:///etc/passwd", digest: sha256("x") })), "usage");
    assert.equal(
      await codeOf(client.call("image.pull", { source: url("/disk.qcow2"), checksums: "http://example.org/SUMS" })),
      "untrusted-input",
    );
  });

  it("that was cut goes on where it ended; a file that changed meanwhile begins anew", async () => {
    const half = Math.floor(disk.length / 2);
    answers["/cut.qcow2"] = served(disk, { stopAfter: half, after: "cut" });
    assert.equal(await codeOf(pull("/cut.qcow2", { digest: sha256(disk), name: "resumed" })), "failed");
    answers["/cut.qcow2"] = served(disk);
    const { resumedBytes } = await pull("/cut.qcow2", { digest: sha256(disk), name: "resumed" });
    assert.ok(resumedBytes > 0 && resumedBytes <= half, String(resumedBytes));
    assert.ok((await contentOf("resumed")).equals(content));
    answers["/changed.qcow2"] = served(Buffer.alloc(disk.length, 7), { etag: '"old"', stopAfter: half, after: "cut" });
    assert.equal(await codeOf(pull("/changed.qcow2", { digest: sha256(disk), name: "changed" })), "failed");
    answers["/changed.qcow2"] = served(disk, { etag: '"new"' });
    assert.equal((await pull("/changed.qcow2", { digest: sha256(disk), name: "changed" })).resumedBytes, 0);
  });

  it("that is cancelled stops at once and keeps what came; vivd killed in the middle, too", async () => {
    answers["/slow.qcow2"] = served(disk, { stopAfter: 4 * mib, after: "silent" });
    const abort = new AbortController();
    const steps: string[] = [];
    const cancelled = codeOf(
      client.call(
        "image.pull",
        { source: url("/slow.qcow2"), digest: sha256(disk), name: "slow" },
        { signal: abort.signal, onProgress: ({ step }) => steps.push(step) },
      ),
    );
    await until("bytes came", async () => steps.some((step) => step.startsWith("downloading: ")));
    abort.abort();
    assert.equal(await cancelled, "cancelled");
    const asked = server.asked.length + 1;
    const dying = codeOf(pull("/slow.qcow2", { digest: sha256(disk), name: "slow" }));
    await until("it asked again", async () => server.asked.length >= asked);
    await killVivd(home);
    await dying;
    client = await home.client();
    answers["/slow.qcow2"] = served(disk);
    const { resumedBytes } = await pull("/slow.qcow2", { digest: sha256(disk), name: "slow" });
    assert.ok(resumedBytes >= mib, String(resumedBytes));
    assert.ok((await contentOf("slow")).equals(content));
  });

  it("two at once fetch the file once", async () => {
    answers["/twice.qcow2"] = served(disk);
    const before = server.asked.length;
    const both = await Promise.all([0, 1].map(() => pull("/twice.qcow2", { digest: sha256(disk), name: "twice" })));
    assert.deepEqual(both.map(({ fetched }) => fetched).sort(), [false, true]);
    assert.equal(server.asked.slice(before).filter((path) => path === "/twice.qcow2").length, 1);
  });

  it("of a compressed image unpacks it", async () => {
    const packed = gzipSync(content);
    answers["/disk.raw.gz"] = served(packed);
    await pull("/disk.raw.gz", { digest: sha256(packed), name: "packed" });
    assert.ok((await contentOf("packed")).equals(content));
  });

  it("goes by a proxy that the client names, and not for hosts it excepts", async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(request.url ?? "");
      const target = new URL(request.url ?? "");
      request.pipe(
        httpRequest(target, { headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    proxy.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      const [host, port] = (request.url ?? "").split(":");
      const upstream = netConnect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    try {
      const httpProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      await pull("/disk.qcow2", { digest: sha256(disk), name: "proxied", network: { httpProxy } });
      assert.deepEqual(seen, [url("/disk.qcow2")]);
      await pull("/disk.qcow2", { digest: sha256(disk), name: "direct", network: { httpProxy, noProxy: ["127.0.0.1"] } });
      assert.equal(seen.length, 1);
    } finally {
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    }
  });

  it("by a name of a catalog knows its user, firmware and memory; a newer one is told and taken", async () => {
    const file = { url: url("/disk.qcow2"), firmware: "uefi", checksums: { url: url("/CATALOG"), algorithm: "sha256" } };
    const catalog = world.path("catalog.json");
    await writeFile(
      catalog,
      JSON.stringify({
        schema: 1,
        images: [
          {
            name: "test:1",
            title: "Test system",
            login: "tester",
            minimumMemory: "128M",
            agents: [],
            firstBoot: "cloud-init",
            lookedUp: "2026-11-23",
            source: "this test",
            architectures: { x86_64: file, aarch64: { absent: "there is none" } },
          },
        ],
      }),
    );
    answers["/CATALOG"] = `${sha256(disk)}  disk.qcow2\n`;
    const { image } = await client.call("image.pull", { source: "test:1", catalog, architecture: "x86_64" });
    assert.deepEqual([image.login, image.firmware, image.minimumMemoryBytes, image.firstBoot], ["tester", "uefi", 128 * mib, "cloud-init"]);
    const [entry] = await client.call("image.catalog", { catalog });
    assert.deepEqual(
      entry?.architectures.map(({ here, absent }) => [here, absent]),
      [
        [true, undefined],
        [false, "there is none"],
      ],
    );
    assert.deepEqual(await client.call("image.updates", { catalog }), [{ name: "test:1", architecture: "x86_64", available: false }]);
    answers["/CATALOG"] = `${sha256("newer")}  disk.qcow2\n`;
    assert.equal((await client.call("image.updates", { catalog }))[0]?.available, true);
    assert.equal(await codeOf(client.call("image.pull", { source: "test:1", catalog, architecture: "aarch64" })), "not-found");
    assert.equal(await codeOf(client.call("image.pull", { source: "test:2", catalog })), "not-found");
  });

  it("makes machines: an overlay that may be larger, and the image stays while one is built on it", async () => {
    const made = await client.call("machine.create", { name: "web", image: "test:1", disk: "64M", set: ["display.type=none"] });
    assert.deepEqual([made.firmware, made.image, made.disks[0]?.virtualBytes], ["uefi", "test:1", 64 * mib]);
    assert.ok(
      (await client.call("image.list", { usage: true })).find(({ name }) => name === "test:1")?.usedBy?.some(({ name }) => name === "web"),
    );
    for (const name of await names())
      if (name !== "test:1" && name !== "starter")
        await client.call("image.remove", { name, architecture: "x86_64" }).catch(() => undefined);
    assert.equal(await codeOf(client.call("image.remove", { name: "test:1" })), "locked");
    await client.call("machine.clone", { machine: "web", name: "twin", linked: true });
    await client.call("machine.remove", { machine: "web" });
    await client.call("machine.emptyTrash", {});
    assert.equal(await codeOf(client.call("image.remove", { name: "test:1" })), "locked");
    await client.call("machine.remove", { machine: "twin" });
    // One in the trash can come back.
    assert.equal(await codeOf(client.call("image.remove", { name: "test:1" })), "locked");
    assert.equal(await codeOf(client.call("machine.create", { name: "small", image: "test:1", disk: "1M" })), "usage");
    await client.call("machine.emptyTrash", {});
    assert.ok((await client.call("image.remove", { name: "test:1" })).freedBytes > 0);
    assert.deepEqual(await stored(), []);
  });

  it("to a disk that is too small is refused before the first byte, and goes on when there is room", async () => {
    assert.equal(process.getuid?.(), 0, "mounting a tmpfs needs root");
    const small = world.path("small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=60m,mode=0700", "tmpfs", small]);
    let cramped: TestHome | undefined;
    try {
      cramped = await testHome({ parent: small });
      const other = await cramped.client();
      answers["/large.qcow2"] = served(disk);
      const asked = { source: url("/large.qcow2"), digest: sha256(disk), name: "large" };
      assert.equal(await codeOf(other.call("image.pull", asked)), "disk-full");
      assert.deepEqual(await readdir(join(cramped.folder, "images")), []);
      execFileSync("mount", ["-o", "remount,size=400m", small]);
      assert.ok((await other.call("image.pull", asked)).fetched);
    } finally {
      await cramped?.dispose();
      execFileSync("umount", ["-l", small]);
    }
  });

  it("is verified, and a byte that changed is found; prune takes what nobody needs", async () => {
    await pull("/disk.qcow2", { digest: sha256(disk), name: "kept" });
    const { image } = await client.call("image.verify", { name: "kept" });
    assert.ok(image.verifiedAt !== undefined);
    const file = join(home.folder, "images", `sha256-${image.sha256}`, "disk.qcow2");
    await chmod(file, 0o644);
    await truncate(file, (await stat(file)).size + 512);
    assert.equal(await codeOf(client.call("image.verify", { name: "kept" })), "damaged");
    const listed = (await client.call("prune.list", {})).filter(({ kind }) => kind === "image").map(({ name }) => name);
    assert.ok(listed.includes("kept"), listed.join());
    await client.call("prune.run", { kinds: ["image"] });
    assert.deepEqual([await stored(), (await names()).includes("kept")], [[], false]);
    assert.ok(!existsSync(join(home.folder, "images", "names", "kept@x86_64.json")));
  });
});
