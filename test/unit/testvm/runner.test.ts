import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineNamePattern } from "../../../src/model/index.ts";
import { TrustStore } from "../../../src/testvm/index.ts";
import { hostProblems } from "../../../src/testvm/runner/hostCheck.ts";
import { runMachineName, upMachineName } from "../../../src/testvm/runner/names.ts";
import { hostReport } from "../cli/support/host-report.ts";
import { runViv, startViv } from "../cli/support/run-viv.ts";

describe("test machines", () => {
  it("have names that say whose they are, and that machines may have", () => {
    for (const folder of ["/home/ada/My Project!", "/x/Ünï", "/", "/a/9lives", `/a/${"long".repeat(20)}`])
      for (const target of [undefined, "t".repeat(16)])
        for (const name of [runMachineName(folder, target), upMachineName(folder, target)]) assert.match(name, machineNamePattern);
    assert.match(runMachineName("/home/ada/My Project!", "deb"), /^my-project-deb-[0-9a-f]{6}$/);
    assert.notEqual(runMachineName("/a", undefined), runMachineName("/a", undefined));
    assert.equal(upMachineName("/a", "x"), upMachineName("/a", "x"));
    assert.notEqual(upMachineName("/a", "x"), upMachineName("/b", "x"));
  });

  it("are held against this computer, with the reason", () => {
    const host = { ...hostReport(), architecture: "x64", cores: 2, memoryBytes: 8 * 1024 ** 3, freeBytes: 1024 ** 3, home: "/h" };
    const asked = (plan: Parameters<typeof hostProblems>[0]) =>
      hostProblems(plan, host).map(({ path, message }) => `${path.join(".")}: ${message}`);
    assert.deepEqual(asked({ hostRequirements: { cpus: 2, memory: "8G", storage: "1G" }, memory: "8G" }), []);
    assert.deepEqual(asked({ hostRequirements: { cpus: 4, memory: "16G", storage: "2G" }, memory: "9G" }), [
      "hostRequirements.cpus: needs 4 cores; this computer has 2",
      "hostRequirements.memory: needs 16G of memory; this computer has 8 GiB",
      "hostRequirements.storage: needs 2G of free space; /h has 1 GiB",
      "memory: 9G is more than this computer has (8 GiB)",
    ]);
    assert.deepEqual(asked({ hostRequirements: { accelerated: true }, architecture: "aarch64" }), [
      "hostRequirements.accelerated: aarch64 is emulated on this computer, which is x86_64",
    ]);
    const emulated = { ...host, accelerators: host.accelerators.map((one) => ({ ...one, chosen: one.name === "tcg" })) };
    assert.match(
      hostProblems({ hostRequirements: { accelerated: true } }, emulated)[0]?.message ?? "",
      /^machines are emulated on this computer: ./,
    );
  });
});

/** Nothing of a repository runs before somebody has said so. */
describe("trust in a test-VM file", () => {
  let home: string;
  let folder: string;
  const before = process.env["VIVARIUM_HOME"];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "viv-home-"));
    process.env["VIVARIUM_HOME"] = home;
    folder = await realpath(await mkdtemp(join(tmpdir(), "viv-trust-")));
    await mkdir(join(folder, ".testvm"));
    await write('{ "image": "starter", "secrets": ["TOKEN"], "tests": { "command": "true" } }');
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["VIVARIUM_HOME"];
    else process.env["VIVARIUM_HOME"] = before;
    await rm(home, { recursive: true });
    await rm(folder, { recursive: true });
  });
  const write = (text: string) => writeFile(join(folder, ".testvm", "testvm.json"), text);
  const refused = async () => {
    const ended = await runViv(["test", "--json"], { folder, environment: { TOKEN: "s3cret" } });
    assert.deepEqual([ended.code, ended.error().code, ended.client.calls], [1, "untrusted-input", []]);
  };

  it("is asked for before anything runs, and again when the file changed", async () => {
    await refused();
    assert.equal((await runViv(["trust", "add", "--allow-env", "TOKEN"], { folder })).code, 0);
    const runs = await runViv(["test", "--json"], {
      folder,
      environment: { TOKEN: "s3cret" },
      answers: { "host.report": () => assert.fail("it runs") },
    });
    assert.equal(runs.error().message, "it runs");
    await write('{ "image": "starter", "tests": { "command": "rm -rf /" } }');
    await refused();
  });

  it("is one question on a terminal, which names what the guest gets", async () => {
    const answered = async (answer: string) => {
      const running = startViv(["test"], {
        folder,
        terminal: true,
        stdin: "terminal",
        environment: { TOKEN: "x" },
        answers: { "host.report": () => assert.fail("it runs") },
      });
      running.stdin.end(`${answer}\n`);
      await running.code;
      return running.stderr();
    };
    assert.match(await answered("n"), /variables of yours: TOKEN[\s\S]*is not trusted/);
    assert.match(await answered("y"), /it runs/);
    // No question any more.
    const again = await answered("");
    assert.ok(!again.includes("Trust this file") && again.includes("it runs"), again);
  });

  it("does not come with the environment: each name is allowed by itself", async () => {
    await runViv(["trust", "add"], { folder });
    const ended = await runViv(["test", "--json"], { folder, environment: { TOKEN: "s3cret" } });
    assert.equal(ended.error().code, "invalid-definition");
    assert.match(ended.error().message, /^\.testvm\/testvm\.json:1:34: the secret TOKEN is not allowed/);
    assert.ok(!ended.stderr.includes("s3cret"));
  });

  it("lies in the home, for this user alone, and what is broken there trusts nothing", async () => {
    await runViv(["trust", "add"], { folder });
    const [name] = await readdir(join(home, "trust"));
    const file = join(home, "trust", name ?? "");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const [entry] = (await runViv(["trust", "ls", "--json"])).json() as { folder: string }[];
    assert.equal(entry?.folder, folder);
    await writeFile(file, (await readFile(file, "utf8")).replace(folder, "/another"));
    await refused();
    assert.deepEqual(await new TrustStore(home).list(), []);
  });

  it("is taken back", async () => {
    await runViv(["trust", "add"], { folder });
    assert.equal((await runViv(["trust", "rm"], { folder })).code, 0);
    await refused();
    assert.equal((await runViv(["trust", "rm"], { folder })).code, 3);
  });
});
