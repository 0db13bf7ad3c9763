import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CreateRequest, VivClient } from "../../src/api/index.ts";
import { codeOf, everything } from "../support/faults.ts";
import { guest, type TestHome, testHome } from "../support/home.ts";
import { netbootFolder } from "../support/media.ts";
import { redirectTo, type WebServer, webServer } from "../support/webServer.ts";

/** `viv create --netboot URL`: what a server has is fetched into the machine's folder, and the machine boots from there. */
describe("network boot from a URL", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  let server: WebServer;

  before(async () => {
    home = await testHome();
    client = await home.client();
    const folder = await netbootFolder();
    const file = (name: string) => readFile(join(folder, name));
    const [linux, initrd, pxelinux, shim] = await Promise.all(["kernel", "initrd", "pxelinux.0", "shimx64.efi"].map(file));
    assert.ok(linux && initrd && pxelinux && shim);
    const append = JSON.parse(await readFile(join(import.meta.dirname, "../../dist/guest/x86_64/image.json"), "utf8")) as {
      append: string;
    };
    server = await webServer({
      "/os/linux": linux,
      "/os/initrd.gz": initrd,
      "/os/boot/start": `#!ipxe\nkernel ../linux initrd=initrd.gz ${append.append}\ninitrd ../initrd.gz\nboot\n`,
      "/described/.treeinfo": "[images-x86_64]\nkernel = a/kernel\ninitrd = a/root\n",
      "/described/a/kernel": linux,
      "/described/a/root": initrd,
      "/pxelinux.0": pxelinux,
      "/shim.efi": shim,
      "/kernel": linux,
      "/page": "<!DOCTYPE html><html>",
      "/page/linux": "<html>every path of this server is a page</html>",
      "/text": "hello",
      "/packed": Buffer.from("1f8b0800", "hex"),
      "/elsewhere": redirectTo("file:///etc/passwd"),
      "/cut": (_request, response) => {
        response.writeHead(200, { "content-length": 1000 }).write("MZ");
        setTimeout(() => response.destroy(), 20);
      },
      "/huge": (_request, response) => response.writeHead(200, { "content-length": 2 ** 40 }).write("MZ"),
      "/slow": (_request, response) => response.writeHead(200, { "content-length": 1000 }).write("MZ"),
      "/half/linux": linux,
      "/half/initrd.gz": (_request, response) => response.writeHead(500).end(),
    });
  });
  after(async () => {
    await home.dispose();
    await server.close();
  });
  afterEach(async () => {
    for (const { name } of await client.call("machine.list", {})) await client.call("machine.kill", { machine: name });
  });

  const create = (name: string, path: string, more: Partial<CreateRequest> = {}) =>
    client.call("machine.create", {
      name,
      memory: "512M",
      cpus: 1,
      disk: "64M",
      netboot: { url: `${server.url}${path}` },
      ...more,
      set: ["display.type=none", ...(more.set ?? [])],
    });

  async function definition(machine: string) {
    const { text } = await client.call("machine.definition", { machine });
    return JSON.parse(text.replaceAll(/^\/\/.*$/gm, "")) as {
      firmware: { type: string };
      bootOrder: string[];
      networks: { netboot?: { directory: string; file: string } }[];
    };
  }

  async function boots(name: string): Promise<void> {
    await client.call("machine.start", { machine: name });
    await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 240_000 });
    assert.match(await guest(client, name, "uname", "-s"), /Linux/);
  }

  it("of a folder boots its kernel and initrd by BIOS, and once they are there without the server", async () => {
    await create("tree", "os/");
    assert.deepEqual((await readdir(join(home.machineFolder("tree"), "netboot"))).sort(), ["boot.ipxe", "initrd", "linux"]);
    assert.equal((await definition("tree")).firmware.type, "bios");
    const asked = server.asked.length;
    await boots("tree");
    assert.equal(server.asked.length, asked);
  });

  it("finds the installer that a tree describes", async () => {
    await create("described", "described/");
    const script = await readFile(join(home.machineFolder("described"), "netboot", "boot.ipxe"), "utf8");
    assert.match(script, new RegExp(`kernel linux initrd=initrd inst.repo=${server.url}described/ console=ttyS0\\n`));
  });

  it("of a UEFI program reaches it by UEFI", async () => {
    await create("uefi", "shim.efi");
    await client.call("machine.start", { machine: "uefi" });
    // Shim says that the next one is not there: only what was named is fetched.
    await client.call("machine.wait", { machine: "uefi", for: "serial:Fetching Netboot Image", timeoutMs: 240_000 });
  });

  it("of an iPXE script is loaded anew at each start, with what stands beside it", async () => {
    await create("script", "os/boot/start");
    const asked = server.asked.length;
    await boots("script");
    assert.deepEqual(server.asked.slice(asked), ["/os/boot/start", "/os/linux", "/os/initrd.gz"]);
  });

  it("chooses the firmware by the file", async () => {
    for (const [path, firmware] of [
      ["pxelinux.0", "bios"],
      ["shim.efi", "uefi"],
      ["kernel", "bios"],
    ] as const) {
      const name = `by-${path.replaceAll(".", "-")}`;
      await create(name, path);
      const made = await definition(name);
      assert.equal(made.firmware.type, firmware);
      assert.deepEqual(made.bootOrder, ["disk", "network"]);
      assert.deepEqual(made.networks[0]?.netboot, { directory: "netboot", file: path });
    }
  });

  it("of a folder here takes the well-known name in it", async () => {
    for (const [name, set, file] of [
      ["local", [], "pxelinux.0"],
      ["local-secure", ["firmware.type=uefi-secure"], "shimx64.efi"],
    ] as const) {
      await create(name, "", { netboot: { directory: await netbootFolder() }, set: [...set] });
      assert.equal((await definition(name)).networks[0]?.netboot?.file, file);
    }
  });

  describe("that has nothing to boot is an error with a hint, and leaves nothing", () => {
    for (const [path, code, more] of [
      ["none", "not-found", {}],
      ["none/", "not-found", {}],
      ["half/", "failed", {}],
      ["page", "untrusted-input", {}],
      ["page/", "not-found", {}],
      ["text", "usage", {}],
      ["packed", "usage", {}],
      ["elsewhere", "untrusted-input", {}],
      ["cut", "failed", {}],
      ["huge", "untrusted-input", {}],
      ["shim.efi", "usage", { set: ["firmware.type=bios"] }],
      ["shim.efi", "usage", { architecture: "aarch64" }],
      ["pxelinux.0", "usage", { set: ["firmware.type=uefi"] }],
      ["os/", "not-found", { architecture: "aarch64" }],
      ["os/", "not-found", { set: ["firmware.type=uefi"] }],
      ["os/boot/start", "usage", { set: ["firmware.type=uefi"] }],
      ["kernel", "usage", { networks: [{ mode: "none" }] }],
      ["kernel", "not-enough-memory", { memory: "1000G" }],
    ] as const) {
      it(`/${path}${Object.keys(more).length === 0 ? "" : ` with ${JSON.stringify(more)}`}: ${code}`, async () => {
        const before = await everything(join(home.folder, "machines"));
        const creating = create("bad", path, more as Partial<CreateRequest>);
        await assert.rejects(creating, { code, hint: /./ });
        assert.deepEqual(await everything(join(home.folder, "machines")), before);
      });
    }

    it("with another SHA-256 than was said, and takes the right one", async () => {
      const url = `${server.url}pxelinux.0`;
      await assert.rejects(create("bad", "", { netboot: { url, sha256: "0".repeat(64) } }), { code: "untrusted-input", hint: /./ });
      const { createHash } = await import("node:crypto");
      const sha256 = createHash("sha256")
        .update(await readFile(join(await netbootFolder(), "pxelinux.0")))
        .digest("hex");
      await create("pinned", "", { netboot: { url, sha256 } });
    });

    it("that is not http is a usage error", async () => {
      for (const url of ["file:///etc/passwd", "tftp://example.org/x", "ftp://example.org/x", "http://ada:secret@example.org/x"])
        await assert.rejects(create("bad", "", { netboot: { url } }), { code: "usage", hint: /./ });
    });

    it("when it is cancelled while a server lingers", async () => {
      const before = await everything(join(home.folder, "machines"));
      const cancel = new AbortController();
      const creating = codeOf(
        client.call("machine.create", { name: "bad", netboot: { url: `${server.url}slow` } }, { signal: cancel.signal }),
      );
      setTimeout(() => cancel.abort(), 500);
      assert.equal(await creating, "cancelled");
      assert.deepEqual(await everything(join(home.folder, "machines")), before);
    });
  });
});
