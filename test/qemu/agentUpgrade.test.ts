import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

const newerBuild = "feedfacecafe";

/** A Vivarium whose viv-agent is another build than the one that the guest's image started with. */
describe("an older viv-agent in a running guest", function () {
  this.timeout(180_000);
  let guests: string;
  let home: TestHome;

  before(async () => {
    guests = await newerGuests();
    home = await testHome({ environment: { VIVARIUM_GUESTS: guests } });
  });
  after(async () => {
    await home.dispose();
    await rm(guests, { recursive: true, force: true });
  });

  it("becomes this build in place: commands of before are hung up, the next ones run", async () => {
    const client = await home.client();
    const machine = "older";
    await starterMachine(client, machine, { start: true });
    const before = await client.call("guest.agentStatus", { machine });
    assert.equal(before.upToDate, false);
    assert.equal(before.offered, newerBuild);
    const session = await client.openExec({
      machine,
      command: ["sh", "-c", "exec 2>/dev/null; trap 'echo hung-up > /root/told; exit 0' HUP; echo ready; while :; do sleep 0.1; done"],
    });
    assert.ok(session);
    session.stderr.resume();
    // Before its trap stands, a hang-up would end it without a word.
    // Its stderr goes nowhere: it is closed at the hang-up, and a shell that tells there of its ended child dies of that.
    const [said] = await once(session.stdout, "data");
    assert.equal(String(said), "ready\n");
    session.stdout.resume();
    const ended = assert.rejects(session.exit, { code: "agent-unavailable" });
    const upgraded = await client.call("guest.upgradeAgent", { machine });
    assert.deepEqual(upgraded, { from: before.installed?.build, to: newerBuild, lasting: false });
    await ended;
    const told = await client.call("machine.exec", {
      machine,
      command: ["sh", "-c", "until [ -s /root/told ]; do sleep 0.1; done; cat /root/told"],
    });
    assert.equal(told.way, "viv-agent");
    assert.equal(Buffer.from(told.stdoutBase64, "base64").toString(), "hung-up\n");
    const after = await client.call("guest.agentStatus", { machine });
    assert.equal(after.installed?.build, newerBuild);
    assert.equal(after.upToDate, true);
  });
});

/** The guests as they are, but for the name of the build in the agent's program: the image keeps the one it has. */
async function newerGuests(): Promise<string> {
  const from = join(checkout, "dist", "guest");
  const folder = await mkdtemp(join(tmpdir(), "viv-guests-"));
  for (const architecture of await readdir(from)) {
    await mkdir(join(folder, architecture));
    for (const name of await readdir(join(from, architecture))) {
      const [source, target] = [join(from, architecture, name), join(folder, architecture, name)];
      if (name !== "viv-agent") {
        await symlink(source, target);
        continue;
      }
      const program = await readFile(source, "latin1");
      await writeFile(target, program.replace(/\0[0-9a-f]{12}\0/, `\0${newerBuild}\0`), { encoding: "latin1", mode: 0o755 });
    }
  }
  return folder;
}
