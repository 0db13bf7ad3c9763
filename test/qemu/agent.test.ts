import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { residentBytes, until } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

const port = "/dev/virtio-ports/org.qemu.guest_agent.0";

/**
 * What sits at the agent's port in the guest is whatever the guest put there. Each impostor gets the lines that the
 * host sends; `sync` answers `guest-sync-delimited` as the real agent would, so that the lie comes with the answer.
 */
const sync = `id=$(echo "$line" | sed -n 's/.*"id":\\([0-9]*\\).*/\\1/p'); if [ -n "$id" ]; then printf '\\377{"return": %s}\\n' "$id" >&3; continue; fi;`;
const impostors: Record<string, { says: RegExp; script: string }> = {
  "never answers": { says: /did not answer/, script: "while read -r line <&3; do :; done" },
  "answers garbage": { says: /agent/, script: "while read -r line <&3; do head -c 3000 /dev/urandom >&3; echo >&3; done" },
  "answers half a line": { says: /did not answer/, script: `while read -r line <&3; do printf '{"return": {' >&3; done` },
  "says yes to everything": { says: /did not answer/, script: `while read -r line <&3; do echo '{"return": {}}' >&3; done` },
  "answers in wrong types": {
    says: /unexpected form/,
    script: `while read -r line <&3; do ${sync} echo '{"return": {"pid": "many"}}' >&3; done`,
  },
  "answers with another protocol": {
    says: /not its protocol/,
    script: `while read -r line <&3; do ${sync} echo 'HTTP/1.1 200 OK' >&3; done`,
  },
  "answers with 100 MB of zeros": { says: /agent/, script: "read -r line <&3; dd if=/dev/zero bs=1M count=100 >&3 2>/dev/null; sleep 600" },
  "answers with 100 MB in one string": {
    says: /more than \d+ bytes|did not answer/,
    script: `while read -r line <&3; do ${sync} printf '{"return": "' >&3; tr '\\0' x </dev/zero | head -c 100000000 >&3; echo '"}' >&3; done`,
  },
  "floods without being asked": { says: /agent/, script: "dd if=/dev/zero bs=1M count=100 >&3 2>/dev/null; sleep 600" },
};

describe("a guest's agent that lies", function () {
  this.timeout(240_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await Promise.all([starterMachine(client, "liar", { start: true }), starterMachine(client, "other", { start: true })]);
    assert.equal(await guest(client, "liar", "hostname"), "liar");
    await client.call("machine.wait", { machine: "liar", for: "ssh", timeoutMs: 180_000 });
  });
  after(() => home.dispose());

  // The port reads as ended while nobody holds its other end, hence the loop around every script.
  const bySsh = (script: string) =>
    client.call("machine.exec", { machine: "liar", command: ["sh", "-c", script], way: "ssh", timeoutMs: 60_000 });

  /** Ends the agent's keeper, then whoever holds the port (which takes one process at a time). */
  const endAgents = `pid() { p=\${1#/proc/}; p=\${p%%/*}; [ "$p" = $$ ] || kill -9 "$p" 2>/dev/null; }
    for p in /proc/[0-9]*; do case "$(tr '\\0' ' ' <$p/cmdline 2>/dev/null)" in */vivarium/agent*|*/root/impostor*) pid $p ;; esac; done
    for f in /proc/[0-9]*/fd/*; do [ "$f" -ef ${port} ] && pid $f; done; true`;

  async function replaceAgent(script: string): Promise<void> {
    const file = Buffer.from(
      `until ( : 3<>${port} ) 2>/dev/null; do sleep 0.1; done; exec 3<>${port}\nwhile :; do ${script}; sleep 0.1; done\n`,
    ).toString("base64");
    const connected = async () => (await client.call("machine.show", { machine: "liar" })).agent.connected;
    await bySsh(endAgents);
    // Whoever had it before is not taken for the one who comes.
    await until("the port is free", async () => !(await connected()));
    await bySsh(`echo ${file} | base64 -d > /root/impostor; setsid sh /root/impostor </dev/null >/dev/null 2>&1 &`);
    await until("somebody has the port", connected);
  }

  for (const [what, { says, script }] of Object.entries(impostors)) {
    it(`that ${what}: exec fails in bounded time and memory, and others work on`, async () => {
      await replaceAgent(script);
      const pid = await home.vivdPid();
      const before = await residentBytes(pid);
      const started = performance.now();
      const failing = assert.rejects(
        client.call("machine.exec", { machine: "liar", command: ["true"], way: "agent" }),
        (error: { code: string; message: string }) => {
          assert.ok(["agent-unavailable", "agent-failed"].includes(error.code), `${error.code}: ${error.message}`);
          assert.match(error.message, says);
          return true;
        },
      );
      assert.equal(await guest(client, "other", "echo", "on"), "on");
      await failing;
      assert.ok(performance.now() - started < 45_000, "it took too long");
      const grown = (await residentBytes(pid)) - before;
      assert.ok(grown < 120 * 1024 ** 2, `vivd grew by ${Math.round(grown / 1024 ** 2)} MB`);
      assert.equal((await client.call("machine.show", { machine: "liar" })).state, "running");
    });
  }

  it("that never answers is said by what only asks as well, once and not for each question", async () => {
    await replaceAgent("while read -r line <&3; do :; done");
    const started = performance.now();
    await assert.rejects(client.call("machine.guestInfo", { machine: "liar" }), { code: "agent-unavailable", message: /did not answer/ });
    assert.ok(performance.now() - started < 15_000);
  });

  it("is forgiven when the real one is back", async () => {
    await bySsh(`${endAgents}; rmdir /run/vivarium/agent.lock; sleep 0.3; setsid /usr/lib/vivarium/agent </dev/null >/dev/null 2>&1 &`);
    await until("the agent answers", () =>
      guest(client, "liar", "hostname").then(
        (name) => name === "liar",
        () => false,
      ),
    );
  });

  it("is missed politely: without any, exec says so at once, or goes by SSH", async () => {
    await bySsh(endAgents);
    await until("the port is free", async () => !(await client.call("machine.show", { machine: "liar" })).agent.connected);
    await assert.rejects(client.call("machine.exec", { machine: "liar", command: ["true"], way: "agent" }), {
      code: "agent-unavailable",
      hint: /viv wait/,
    });
    const hostname = () => client.call("machine.exec", { machine: "liar", command: ["hostname"] });
    assert.equal((await hostname()).way, "viv-agent");
    await bySsh(
      `for p in /proc/[0-9]*; do case "$(tr '\\0' ' ' <$p/cmdline 2>/dev/null)" in */vivarium/streams*|viv-agent*) [ "\${p#/proc/}" = $$ ] || kill -9 "\${p#/proc/}" ;; esac; done; true`,
    );
    const result = await until("nobody answers but SSH", async () => {
      const answer = await hostname();
      return answer.way === "ssh" ? answer : undefined;
    });
    assert.deepEqual([result.way, Buffer.from(result.stdoutBase64, "base64").toString().trim()], ["ssh", "liar"]);
  });
});
