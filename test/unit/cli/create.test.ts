import assert from "node:assert/strict";
import { resolve } from "node:path";
import { parseForward } from "../../../src/cli/forward.ts";
import { VivError } from "../../../src/model/index.ts";
import { running, stopped } from "./support/machines.ts";
import { runViv } from "./support/run-viv.ts";

async function requestOf(...words: string[]): Promise<unknown> {
  const ended = await runViv(["create", ...words], {
    answers: { "machine.create": () => stopped("hello"), "image.list": () => [], "image.catalog": () => [] },
    folder: "/home/ada/work",
  });
  assert.equal(ended.code, 0, ended.stderr);
  return ended.client.calls.find(({ method }) => method === "machine.create")?.params;
}

describe("create", () => {
  it("asks for what was given and nothing else", async () => {
    assert.deepEqual(await requestOf("hello"), { name: "hello" });
    assert.deepEqual(
      await requestOf(
        "hello",
        "--image",
        "starter",
        "--arch",
        "aarch64",
        "--cpus",
        "2",
        "--memory",
        "1G",
        "--disk",
        "10G",
        "--set",
        "display.type=none",
        "--set",
        "note=x",
      ),
      {
        name: "hello",
        image: "starter",
        architecture: "aarch64",
        cpus: 2,
        memory: "1G",
        disk: "10G",
        set: ["display.type=none", "note=x"],
      },
    );
  });

  it("resolves paths against the caller's folder", async () => {
    assert.deepEqual(await requestOf("hello", "--iso", "isos/debian.iso"), {
      name: "hello",
      iso: resolve("/home/ada/work/isos/debian.iso"),
    });
    assert.deepEqual(await requestOf("hello", "--netboot", "../tftp", "--netboot-file", "pxelinux.0"), {
      name: "hello",
      netboot: { directory: resolve("/home/ada/tftp"), file: "pxelinux.0" },
    });
    assert.deepEqual(await requestOf("hello", "--netboot", "tftp"), {
      name: "hello",
      netboot: { directory: resolve("/home/ada/work/tftp") },
    });
  });

  it("takes a URL for network boot as it is", async () => {
    const url = "https://example.org/boot/";
    assert.deepEqual(await requestOf("hello", "--netboot", url), { name: "hello", netboot: { url } });
    const sha256 = "0123456789abcdef".repeat(4);
    assert.deepEqual(await requestOf("hello", "--netboot", `${url}x.efi`, "--netboot-sha256", sha256), {
      name: "hello",
      netboot: { url: `${url}x.efi`, sha256 },
    });
  });

  it("gives forwards to the first NAT adapter, which there is by default", async () => {
    assert.deepEqual(await requestOf("hello", "--forward", "8080:80", "--forward", "53/udp"), {
      name: "hello",
      networks: [
        {
          mode: "nat",
          forwards: [
            { protocol: "tcp", hostPort: 8080, guestPort: 80 },
            { protocol: "udp", guestPort: 53 },
          ],
        },
      ],
    });
    assert.deepEqual(await requestOf("hello", "--network", "none", "--network", "nat", "--forward", "22"), {
      name: "hello",
      networks: [{ mode: "none" }, { mode: "nat", forwards: [{ protocol: "tcp", guestPort: 22 }] }],
    });
  });

  it("starts it with --start", async () => {
    const ended = await runViv(["create", "hello", "--start"], {
      answers: { "machine.create": () => stopped("hello"), "machine.start": () => running("hello") },
    });
    assert.equal(ended.stdout, "hello: running\n");
    assert.deepEqual(
      ended.client.calls.map((call) => call.method),
      ["machine.create", "machine.start"],
    );
  });

  it("refuses what cannot be meant, before the service is asked", async () => {
    const wrong = [
      ["hello", "--image", "a", "--iso", "b"],
      ["hello", "--netboot", "http://example.org/", "--netboot-file", "x"],
      ["hello", "--netboot", "dir", "--netboot-sha256", "0".repeat(64)],
      ["hello", "--netboot", "http://example.org/x", "--netboot-sha256", "beef"],
      ["hello", "--netboot-file", "x"],
      ["hello", "--cpus", "0"],
      ["hello", "--cpus", "two"],
      ["hello", "--cpus", "1.5"],
      ["hello", "--memory", "lots"],
      ["hello", "--disk", "10X"],
      ["hello", "--network", "bridge"],
      ["hello", "--network", "none", "--forward", "80"],
      ["hello", "--forward", "0:80"],
      ["hello", "--set", "memory"],
      ["hello", "--arch", "z80"],
    ];
    for (const words of wrong) {
      const ended = await runViv(["create", ...words]);
      assert.equal(ended.code, 2, words.join(" "));
      assert.deepEqual(ended.client.calls, []);
      assert.match(ended.stderr, /\n {2}\S/, `${words.join(" ")} has a hint`);
    }
  });

  it("refuses names that are none", async () => {
    for (const name of ["/", "..", "a b", "🦊", "a\nb", "a".repeat(200), "Hello", "1st", "a/b", "\u001b[2J", "con.", "-x"]) {
      const ended = await runViv(["create", "--json", "--", name]);
      assert.equal(ended.code, 2, JSON.stringify(name));
      assert.deepEqual(ended.client.calls, []);
      assert.equal(ended.error().code, "invalid-name");
    }
    assert.equal((await runViv(["create", "-x"])).code, 2);
    assert.equal((await runViv(["create", ""])).code, 2);
  });
});

describe("a forward", () => {
  it("is [HOSTPORT:]GUESTPORT[/udp]", () => {
    assert.deepEqual(parseForward("22"), { protocol: "tcp", guestPort: 22 });
    assert.deepEqual(parseForward("2222:22/tcp"), { protocol: "tcp", hostPort: 2222, guestPort: 22 });
    assert.deepEqual(parseForward("5353:53/udp"), { protocol: "udp", hostPort: 5353, guestPort: 53 });
    for (const text of ["", ":", "80:", ":80", "70000", "0", "22/sctp", "127.0.0.1:80:80", "8080:80/udp/tcp", "22,hostfwd=x"]) {
      assert.throws(
        () => parseForward(text),
        (error: unknown) => error instanceof VivError && error.code === "usage",
        text,
      );
    }
  });
});
