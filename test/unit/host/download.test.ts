import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DownloadOptions, download, requireWebAddress } from "../../../src/host/download/index.ts";
import { redirectTo, type WebServer, webServer } from "../../support/webServer.ts";

describe("a download", () => {
  const file = Buffer.from("a boot file ".repeat(1000));
  let folder: string;
  let server: WebServer;
  let next = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-download-"));
    server = await webServer({
      "/file": file,
      "/empty": "",
      "/page": "\n <!DOCTYPE html><html><body>Sign in to the guest network</body></html>",
      "/typed": (_request, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("hello"),
      "/cut": (_request, response) => {
        response.writeHead(200, { "content-length": 1000 });
        response.write("only so much");
        setTimeout(() => response.destroy(), 20);
      },
      "/endless": (_request, response) => {
        response.writeHead(200);
        const more = () => response.write(Buffer.alloc(64 * 1024, 1)) && setImmediate(more);
        response.on("drain", more);
        more();
      },
      "/said-long": (_request, response) => response.writeHead(200, { "content-length": 10 ** 12 }).write("x"),
      "/silent": () => undefined,
      "/stalls": (_request, response) => response.writeHead(200, { "content-length": 1000 }).write("and then nothing"),
      "/there": redirectTo("/file"),
      "/elsewhere": redirectTo("file:///etc/passwd"),
      "/round": redirectTo("/round"),
      "/forbidden": (_request, response) => response.writeHead(403).end(),
      "/broken": (_request, response) => response.writeHead(503).end(),
    });
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function fetchIt(path: string, options: Partial<DownloadOptions> = {}): Promise<{ target: string; url: URL }> {
    const target = join(folder, String(next++));
    const url = await download(new URL(path, server.url), target, {
      maximumBytes: 1 << 20,
      signal: new AbortController().signal,
      silenceMs: 1000,
      ...options,
    });
    return { target, url };
  }

  it("is the file that the server has, and follows a redirect", async () => {
    for (const path of ["/file", "/there"]) {
      const { target, url } = await fetchIt(path, { sha256: createHash("sha256").update(file).digest("hex").toUpperCase() });
      assert.deepEqual(await readFile(target), file);
      assert.equal(url.pathname, "/file");
    }
  });

  for (const [path, code, words] of [
    ["/none", "not-found", /404/],
    ["/empty", "untrusted-input", /empty/],
    ["/page", "untrusted-input", /web page/],
    ["/typed", "untrusted-input", /web page/],
    ["/cut", "failed", /ended before its end/],
    ["/endless", "untrusted-input", /longer than 1 MiB/],
    ["/said-long", "untrusted-input", /longer than 1 MiB/],
    ["/silent", "timeout", /does not answer/],
    ["/stalls", "timeout", /does not answer/],
    ["/elsewhere", "untrusted-input", /file:\/\/\/etc\/passwd, which is not followed/],
    ["/round", "failed", /from one address to the next/],
    ["/forbidden", "failed", /may not be read/],
    ["/broken", "failed", /503/],
  ] as const) {
    it(`of ${path} says ${code}, with a hint`, async () => {
      await assert.rejects(fetchIt(path), { code, message: words, hint: /./ });
    });
  }

  it("of another file than the sum says is refused", async () => {
    await assert.rejects(fetchIt("/file", { sha256: "0".repeat(64) }), { code: "untrusted-input", message: /its SHA-256 is [0-9a-f]{64}/ });
  });

  it("takes a page for absence where a file may be absent", async () => {
    await assert.rejects(fetchIt("/page", { mayBeAbsent: true }), { code: "not-found" });
  });

  it("from where nobody listens says why", async () => {
    const gone = await webServer({});
    await gone.close();
    await assert.rejects(fetchIt(gone.url), { code: "failed", message: /ECONNREFUSED/, hint: /./ });
  });

  it("is cancelled", async () => {
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 20);
    await assert.rejects(fetchIt("/silent", { signal: cancel.signal, silenceMs: 10_000 }), { name: "AbortError" });
  });

  it("takes http and https, and no password", () => {
    assert.equal(requireWebAddress("https://example.org/x").hostname, "example.org");
    for (const wrong of ["ftp://example.org/x", "file:///etc/passwd", "//x", "http://", "https://ada:secret@example.org/"])
      assert.throws(() => requireWebAddress(wrong), { code: "usage", hint: /./ }, wrong);
  });
});
