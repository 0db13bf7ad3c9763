import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  askedEnvironment,
  type LoadedFile,
  loadFile,
  type Plan,
  resolvePlan,
  shownIn,
  targetsOf,
  testVmJsonSchema,
} from "../../../src/testvm/index.ts";

/** The test-VM file: what it means, and where it says what is wrong. */
describe("the test-VM file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "viv-file-")));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  /** Problems as people see them, of reading or of resolving. */
  async function problems(text: string, target?: string, allowed: readonly string[] = []): Promise<string[]> {
    await write(".testvm/testvm.json", text);
    const loaded = await loadFile(folder);
    const resolved = "problems" in loaded ? loaded : resolvePlan(loaded, target, { environment: {}, allowed: new Set(allowed) });
    if (!("problems" in resolved)) return [];
    return resolved.problems.map(({ file, line, column, message }) => `${shownIn(folder)(file)}:${line}:${column}: ${message}`);
  }

  async function load(text: string): Promise<LoadedFile> {
    await write(".testvm/testvm.json", text);
    const loaded = await loadFile(folder);
    assert.ok("chain" in loaded, JSON.stringify(loaded));
    return loaded;
  }

  async function plan(
    text: string,
    target?: string,
    environment: Record<string, string> = {},
    allowed: readonly string[] = [],
  ): Promise<Plan> {
    const resolved = resolvePlan(await load(text), target, { environment, allowed: new Set(allowed) });
    assert.ok("plan" in resolved, JSON.stringify(resolved));
    return resolved.plan;
  }

  it("becomes a plan: shell lines, words, commands at the same time, what is absent as documented", async () => {
    const made = await plan(`{
      // comments and a trailing comma are welcome
      "image": "starter", "forwardPorts": [80, 8080], "portsAttributes": { "80": { "label": "web", "requireLocalPort": true } },
      "onCreateCommand": ["apt", "update"], "postCreateCommand": { "a": "x | y", "b": ["z"] },
      "tests": { "command": "make test", "junit": "r.xml", "timeout": "10m" },
    }`);
    assert.deepEqual(made, {
      folder,
      target: undefined,
      title: folder.split("/").at(-1),
      image: "starter",
      network: "nat",
      hostRequirements: {},
      forwards: [{ guestPort: 80, hostPort: 80, label: "web" }, { guestPort: 8080 }],
      workspaceFolder: "/workspace",
      workspaceMount: "sync",
      outputs: [],
      environment: [],
      steps: [
        { name: "onCreateCommand", commands: [{ words: ["apt", "update"] }] },
        {
          name: "postCreateCommand",
          commands: [
            { name: "a", words: ["/bin/sh", "-c", "x | y"] },
            { name: "b", words: ["z"] },
          ],
        },
      ],
      waitFor: "postStartCommand",
      tests: { command: { words: ["/bin/sh", "-c", "make test"] }, junit: ["r.xml"], timeoutMs: 600_000 },
      warm: true,
      onFailure: "discard",
    });
  });

  it("is put over what it extends, and a target over both", async () => {
    await write(
      "base.json",
      '{ "image": "starter", "memory": "1G", "outputs": ["a"], "remoteEnv": { "A": "1", "B": "1" }, "targets": { "deb": { "cpus": 1, "disk": "2G" } } }',
    );
    const text =
      '{ "extends": "../base.json", "outputs": ["b"], "remoteEnv": { "B": "2" }, "targets": { "deb": { "cpus": 3 }, "alp": { "remoteEnv": { "C": "3" } } } }';
    assert.deepEqual(targetsOf(await load(text)), ["deb", "alp"]);
    const debian = await plan(text, "deb");
    assert.deepEqual([debian.image, debian.memory, debian.cpus, debian.disk, debian.outputs], ["starter", "1G", 3, "2G", ["b"]]);
    assert.deepEqual(debian.environment, ["A=1", "B=2"]);
    assert.deepEqual((await plan(text, "alp")).environment, ["A=1", "B=2", "C=3"]);
  });

  it("has variables; the shell's own are left to the shell", async () => {
    const text = `{ "image": "starter", "remoteEnv": { "W": "\${localWorkspaceFolder}", "T": "\${targetName}", "E": "\${localEnv:WHO}\${localEnv:GONE:-}" },
      "postCreateCommand": "echo \${HOME} \${x:-y}", "targets": { "one": {} } }`;
    assert.deepEqual(askedEnvironment(await load(text)), ["GONE", "WHO"]);
    const made = await plan(text, "one", { WHO: "ada" }, ["WHO", "GONE"]);
    assert.deepEqual(made.environment, [`W=${folder}`, "T=one", "E=ada-"]);
    assert.deepEqual(made.steps[0]?.commands[0]?.words[2], `echo \${HOME} \${x:-y}`);
  });

  it("gives secrets that the user allowed, and no others", async () => {
    const text = '{ "image": "starter", "secrets": ["TOKEN"] }';
    assert.deepEqual((await plan(text, undefined, { TOKEN: "s3cret" }, ["TOKEN"])).environment, ["TOKEN=s3cret"]);
    assert.deepEqual(await problems(text), [".testvm/testvm.json:1:34: the secret TOKEN is not allowed: viv trust add --allow-env TOKEN"]);
    assert.deepEqual(await problems(text, undefined, ["TOKEN"]), [
      ".testvm/testvm.json:1:34: the secret TOKEN is not set in this environment",
    ]);
  });

  const rows: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
    ["text that is not JSON", '{\n  "image": }', ["2:12: is not JSON: ValueExpected"]],
    ["no object", "[]", ["1:1: must be an object in braces"]],
    ["an unknown key", '{ "image": "starter",\n  "memroy": "1G" }', ['2:3: "memroy" is not known here; did you mean "memory"?']],
    ["an unknown key of a target", '{ "targets": {\n "a": { "imag": "x" } } }', ['2:9: "imag" is not known here; did you mean "image"?']],
    ["a key of the whole file in a target", '{ "targets": { "a": {\n "extends": "x" } } }', ['2:2: "extends" is not known here']],
    ["a key that stands twice", '{ "image": "a",\n "image": "b" }', ['2:2: "image" stands here twice']],
    ["a wrong type", '{ "image": "starter", "cpus": "2" }', ["1:31: cpus must be number, received string"]],
    ["no size", '{ "image": "starter", "memory": "lots" }', ["1:33: memory must be a size such as 512M or 10G"]],
    ["no duration", '{ "tests": { "command": "x", "timeout": "soon" } }', ["1:41: tests.timeout must be a duration such as 90s or 10m"]],
    [
      "a bad command",
      '{ "postCreateCommand": 5 }',
      ["1:24: postCreateCommand must be a line of shell, an array of words, or an object of such commands that run at the same time"],
    ],
    [
      "a bad target name",
      '{ "targets": { "Debian 12": {} } }',
      ['1:16: "Debian 12" must be up to 16 lower-case letters, digits and dashes'],
    ],
    ["outputs that leave the folder", '{ "outputs": ["../x"] }', ["1:15: outputs.0 leaves the workspace folder"]],
    [
      "a report outside the folder",
      '{ "tests": { "command": "x", "junit": "/etc/x.xml" } }',
      ["1:39: tests.junit must be a path relative to the workspace folder"],
    ],
    ["no image", '{ "memory": "1G" }', ['1:1: an image is missing: "image": "starter"']],
    [
      "a variable that is nearly known",
      `{ "image": "starter", "name": "\${localWorkspacefolder}" }`,
      [`1:31: \${localWorkspacefolder} is not known; did you mean \${localWorkspaceFolder}?`],
    ],
    [
      "a variable of the environment that is not allowed",
      `{ "image": "starter", "name": "\${localEnv:HOME}" }`,
      [`1:31: \${localEnv:HOME} is not allowed: viv trust add --allow-env HOME`],
    ],
    [
      "attributes of a port that is not forwarded",
      '{ "image": "starter", "portsAttributes": { "80": {} } }',
      ["1:50: 80 is not in forwardPorts"],
    ],
    ["forwards without a network", '{ "image": "starter", "network": "none", "forwardPorts": [80] }', ["1:58: needs network nat"]],
    ["the guest's whole file system", '{ "image": "starter", "workspaceFolder": "//" }', ["1:42: cannot be the guest's whole file system"]],
    ["extending what is not there", '{ "extends": "base.json" }', ["1:14: there is no file .testvm/base.json"]],
    ["extending itself", '{ "extends": "testvm.json" }', ["1:14: extends itself: .testvm/testvm.json → .testvm/testvm.json"]],
    ["extending what is outside", '{ "extends": "../../../etc/passwd" }', ["leaves the folder"]],
    ["extending a folder", '{ "extends": "." }', ["1:14: .testvm is no file"]],
  ];
  for (const [what, text, expected] of rows) {
    it(`says where it is wrong: ${what}`, async () => {
      const said = await problems(text);
      assert.equal(said.length, expected.length, said.join("\n"));
      for (const [index, one] of expected.entries())
        assert.ok(
          said[index] === `.testvm/testvm.json:${one}` || (!/^\d/.test(one) && said[index]?.endsWith(one)),
          `${said[index]}\n${one}`,
        );
    });
  }

  it("says a cycle with its chain, at the file that closes it", async () => {
    await write("a.json", '{ "extends": "b.json" }');
    await write("b.json", '{\n  "extends": "a.json" }');
    assert.deepEqual(await problems('{ "extends": "../a.json" }'), ["b.json:2:14: extends itself: a.json → b.json → a.json"]);
  });

  it("does not follow a link out of the folder", async () => {
    const outside = await mkdtemp(join(tmpdir(), "viv-outside-"));
    try {
      await writeFile(join(outside, "base.json"), '{ "image": "starter" }');
      await write("x", "");
      await symlink(join(outside, "base.json"), join(folder, "base.json"));
      assert.deepEqual(await problems('{ "extends": "../base.json" }'), [".testvm/testvm.json:1:14: base.json leaves the folder"]);
      await symlink(outside, join(folder, "away"));
      assert.deepEqual(await problems('{ "extends": "../away/base.json" }'), [
        ".testvm/testvm.json:1:14: away/base.json leaves the folder",
      ]);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it("says a wrong value of the file it extends in that file, and one of a target at the target", async () => {
    await write("base.json", '{ "image": "starter",\n "network": "none" }');
    assert.deepEqual(await problems('{ "extends": "../base.json",\n\n "targets": { "a": { "forwardPorts": [1] } } }', "a"), [
      ".testvm/testvm.json:3:38: needs network nat",
    ]);
  });

  it("has another hash when it, or what it extends, changes", async () => {
    await write("base.json", '{ "image": "starter" }');
    const before = (await load('{ "extends": "../base.json" }')).hash;
    await write("base.json", '{ "image": "starter" } ');
    assert.notEqual((await load('{ "extends": "../base.json" }')).hash, before);
  });

  it("has the JSON schema that editors are given", async () => {
    const committed = await readFile(join(import.meta.dirname, "../../../media/testvm.schema.json"), "utf8");
    assert.equal(committed, `${JSON.stringify(testVmJsonSchema(), null, 2)}\n`, "npm run schema writes it");
  });
});
