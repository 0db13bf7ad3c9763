import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { verbNames } from "../../../src/cli/verbs.ts";
import { stopped, summaryOf } from "./support/machines.ts";
import { runViv } from "./support/run-viv.ts";

const script = async (shell: string): Promise<string> => (await runViv(["completion", shell])).stdout;

describe("completion", () => {
  it("prints machine names one a line for the scripts", async () => {
    const answers = { "machine.list": () => [summaryOf(stopped("hello")), summaryOf(stopped("web"))] };
    assert.equal((await runViv(["completion", "--names"], { answers })).stdout, "hello\nweb\n");
  });

  it("names every verb in every shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const text = await script(shell);
      for (const name of verbNames) for (const word of name.split(" ")) assert.ok(text.includes(word), `${shell}: ${name}`);
    }
  });

  it("refuses other shells", async () => {
    assert.equal((await runViv(["completion", "csh"])).code, 2);
    assert.equal((await runViv(["completion"])).code, 2);
  });

  describe("in bash", () => {
    let folder = "";
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "viv-completion-"));
      await writeFile(join(folder, "completion.bash"), await script("bash"));
      await writeFile(
        join(folder, "viv"),
        '#!/bin/sh\ncase "$*" in *--names) printf "hello\\nweb\\n" ;; *--images) echo starter ;; esac\n',
      );
      await chmod(join(folder, "viv"), 0o755);
    });
    after(() => rm(folder, { recursive: true, force: true }));

    function complete(...words: string[]): string[] {
      const line = ["viv", ...words].map((word) => `'${word}'`).join(" ");
      const program = `source "$1/completion.bash"; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _viv; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const text = execFileSync("bash", ["--norc", "-c", program, "bash", folder], {
        encoding: "utf8",
        cwd: folder,
        env: { ...process.env, PATH: `${folder}${delimiter}${process.env["PATH"]}` },
      });
      return text.split("\n").filter((word) => word !== "");
    }

    it("is a script bash reads", () => {
      execFileSync("bash", ["-n", join(folder, "completion.bash")]);
    });

    it("offers verbs, second words, options, machines, images, choices", () => {
      assert.deepEqual(complete("sta"), ["start", "status"]);
      assert.deepEqual(complete("trash", ""), ["ls", "restore", "empty"]);
      assert.deepEqual(complete("create", "--ne"), ["--netboot", "--netboot-file", "--netboot-sha256", "--network"]);
      assert.deepEqual(complete("start", ""), ["hello", "web"]);
      assert.deepEqual(complete("start", "hello", "w"), ["web"]);
      assert.deepEqual(complete("create", "x", "--image", ""), ["starter"]);
      assert.deepEqual(complete("create", "--network", "n"), ["nat", "none"]);
      assert.deepEqual(complete("daemon", "status", "--j"), ["--json"]);
      assert.deepEqual(complete("completion", ""), ["bash", "zsh", "fish"]);
    });

    it("tells an option's value from a name", () => {
      assert.deepEqual(complete("stop", "--timeout", "5s", "he"), ["hello"]);
      assert.deepEqual(complete("show", "hello", ""), []);
    });

    it("offers files for files", () => {
      assert.deepEqual(complete("create", "--iso", "comp"), ["completion.bash"]);
      assert.deepEqual(complete("exec", "hello", "--", "comp"), ["completion.bash"]);
    });
  });
});
