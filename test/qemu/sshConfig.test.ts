import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Debian's own ssh, by the file that `viv ssh-config install` writes, into real guests. */
describe("machines as NAME.viv for ssh", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  let user: string;
  const mine = "# my own\nHost *\n  ForwardAgent yes\n";

  before(async () => {
    // A blank, a quote and a per cent sign, as users' folders have them.
    user = await mkdtemp(join(tmpdir(), "vi v'100%-"));
    // The built service: the installed viv would put a build in the place of the sources.
    home = await testHome({ environment: { HOME: user }, vivd: join(checkout, "dist", "vivd.js") });
    client = await home.client();
    await mkdir(join(user, ".ssh"), { mode: 0o700 });
    await writeFile(join(user, ".ssh", "config"), mine, { mode: 0o600 });
    await starterMachine(client, "box");
    await starterMachine(client, "alone", { networks: [{ mode: "none" }] });
    await client.call("sshConfig.install", {});
  });
  after(async () => {
    await home.dispose();
    await rm(user, { recursive: true, force: true });
  });

  const config = () => join(user, ".ssh", "config");
  function run(program: string, words: readonly string[], input?: string): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(program, ["-F", config(), ...words], { env: { ...home.environment, HOME: user } });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    return new Promise((ended) => child.once("close", (code) => ended({ code, out, err })));
  }
  const ssh = (...words: string[]) => run("ssh", words);

  it("boots a machine that does not run, and gives the command's output and exit code", async () => {
    const first = await ssh("box.viv", "echo from $(hostname); exit 7");
    assert.deepEqual([first.code, first.out], [7, "from box\n"], first.err);
    assert.equal((await client.call("machine.show", { machine: "box" })).state, "running");
    assert.equal((await run("ssh", ["box.viv", "cat"], "stdin\n")).out, "stdin\n");
  });

  it("knows the guest by its pinned key and gives it nothing of the user's", async () => {
    const { out } = await run("ssh", ["-G", "box.viv"]);
    for (const line of ["stricthostkeychecking true", "forwardagent no", "identitiesonly yes", "user root"])
      assert.ok(out.toLowerCase().includes(`${line}\n`), `${line} in ${out}`);
    const other = (await run("ssh", ["-G", "example.org"])).out.toLowerCase();
    assert.ok(other.includes("forwardagent yes\n") && !other.includes("proxycommand"), other);
    const stranger = await ssh("-o", `UserKnownHostsFile=${join(home.folder, "nobody")}`, "box.viv", "true");
    assert.equal(stranger.code, 255);
    assert.match(stranger.err, /Host key verification failed|No .* host key is known/);
  });

  it("streams both ways (the starter guest has no sftp server for scp)", async () => {
    const up = await run("ssh", ["box.viv", "cat > /root/up; wc -c < /root/up"], "x".repeat(300_000));
    assert.equal(up.out.trim(), "300000", up.err);
  });

  it("forwards ports and shares one connection", async () => {
    const control = ["-o", `ControlPath=${join(home.folder, "cm")}`];
    const port = await freePort();
    const master = spawn("ssh", ["-F", config(), ...control, "-M", "-L", `127.0.0.1:${port}:127.0.0.1:22`, "-N", "box.viv"], {
      env: { ...home.environment, HOME: user },
      stdio: "ignore",
    });
    try {
      assert.match(await greeting(port), /^SSH-2\.0/);
      const shared = await ssh(...control, "box.viv", "echo shared");
      assert.equal(shared.out, "shared\n", shared.err);
    } finally {
      master.kill();
      if (master.exitCode === null && master.signalCode === null) await new Promise((ended) => master.once("exit", ended));
    }
  });

  it("reaches a machine without any network, by viv-agent", async () => {
    const { code, out, err } = await ssh("alone.viv", "echo from $(hostname)");
    assert.deepEqual([code, out], [0, "from alone\n"], err);
    const big = await ssh("alone.viv", "head -c 3000000 /dev/zero | tr '\\0' x");
    assert.equal(big.out.length, 3_000_000);
  });

  it("knows a machine by its new name at once, and forgets the old one", async () => {
    await client.call("machine.kill", { machine: "alone" });
    await client.call("machine.rename", { machine: "alone", name: "renamed" });
    const own = join(user, ".ssh", "vivarium.config");
    for (const end = Date.now() + 20_000; !/Host renamed\.viv/.test(await readFile(own, "utf8")); )
      assert.ok(Date.now() < end, await readFile(own, "utf8"));
    assert.doesNotMatch(await readFile(own, "utf8"), /alone/);
  });

  it("says why when a machine cannot be reached", async () => {
    await client.call("machine.remove", { machine: "renamed" });
    const gone = await ssh("-o", `ProxyCommand=${join(home.folder, "bin", "viv")} ssh --stdio renamed`, "renamed.viv", "true");
    assert.equal(gone.code, 255);
    assert.match(gone.err, /There is no machine renamed/);
  });

  it("is the user's alone, installed once however often, and taken away without a trace", async () => {
    const before = await readFile(config(), "utf8");
    await client.call("sshConfig.install", {});
    assert.equal(await readFile(config(), "utf8"), before);
    for (const name of ["config", "vivarium.config", "config.before-vivarium"])
      assert.equal((await stat(join(user, ".ssh", name))).mode & 0o777, 0o600, name);
    const { installed } = await client.call("sshConfig.remove", {});
    assert.equal(installed, false);
    assert.equal(await readFile(config(), "utf8"), mine);
    assert.deepEqual((await readdir(join(user, ".ssh"))).sort(), ["config", "config.before-vivarium"]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What a port says first, once somebody listens there. */
async function greeting(port: number): Promise<string> {
  for (const end = Date.now() + 60_000; ; ) {
    const said = await new Promise<string>((resolve) => {
      const socket = createConnection({ host: "127.0.0.1", port });
      socket.once("data", (data: Buffer) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.once("error", () => resolve(""));
      socket.once("close", () => resolve(""));
    });
    if (said !== "") return said;
    if (Date.now() > end) throw new Error(`nothing answers at ${port}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
