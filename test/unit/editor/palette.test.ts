import assert from "node:assert/strict";
import { verbNames } from "../../../src/cli/verbs.ts";
import { running, stopped, summaryOf } from "../cli/support/machines.ts";
import "./support/load.ts";

const { commandIds, webviewCommandIds } = await import("../../../src/editor/commandIds.ts");
const { eventLine } = await import("../../../src/commands/events.ts");
type AnyCommandId = (typeof commandIds)[number] | (typeof webviewCommandIds)[number];

/** Where each verb of `viv` is in the palette; a text says why a verb has no command. */
const places: Record<string, readonly AnyCommandId[] | string> = {
  create: ["vivarium.create"],
  import: ["vivarium.import"],
  export: ["vivarium.export"],
  clone: ["vivarium.clone"],
  prune: ["vivarium.prune"],
  ls: "the view itself",
  show: "the row's tooltip and children",
  set: ["vivarium.editSettings", "vivarium.setMemory", "vivarium.setCpus", "vivarium.setGroup"],
  edit: ["vivarium.editDefinition"],
  rename: ["vivarium.rename"],
  rm: ["vivarium.remove"],
  "trash ls": ["vivarium.restoreRemoved"],
  "trash restore": ["vivarium.restoreRemoved"],
  "trash empty": ["vivarium.emptyTrash"],
  start: ["vivarium.start"],
  stop: ["vivarium.stop"],
  kill: ["vivarium.kill"],
  restart: ["vivarium.restart"],
  reset: ["vivarium.reset"],
  pause: ["vivarium.pause"],
  resume: ["vivarium.resume"],
  suspend: ["vivarium.suspend"],
  wait: ["vivarium.wait"],
  "snapshot create": ["vivarium.snapshot.take", "vivarium.snapshot.takeDisksOnly"],
  "snapshot ls": "rows of the view",
  "snapshot tree": ["vivarium.openSnapshots"],
  "snapshot restore": ["vivarium.snapshot.restore", "vivarium.snapshot.restoreInto"],
  "snapshot rm": ["vivarium.snapshot.remove", "vivarium.snapshot.removeBranch"],
  "snapshot undo": ["vivarium.snapshot.undoRemove"],
  "snapshot empty": ["vivarium.snapshot.empty"],
  "snapshot edit": ["vivarium.snapshot.rename", "vivarium.snapshot.note"],
  "snapshot diff": ["vivarium.snapshot.compare"],
  "snapshot check": ["vivarium.snapshot.check"],
  fork: ["vivarium.fork", "vivarium.forkAndOpenTerminal", "vivarium.snapshot.fork", "vivarium.fork.remove"],
  keep: ["vivarium.fork.keep"],
  "template create": ["vivarium.template.create"],
  "template ls": "rows of the view",
  "template show": "the row's tooltip",
  "template edit": ["vivarium.template.rename", "vivarium.template.note"],
  "template rm": ["vivarium.template.remove"],
  "disk ls": "rows of the view",
  "disk add": ["vivarium.disk.add"],
  "disk rm": ["vivarium.disk.remove"],
  "disk trash": ["vivarium.prune"],
  "disk resize": ["vivarium.disk.resize"],
  "disk check": ["vivarium.disk.check"],
  "disk compact": ["vivarium.disk.compact"],
  "disk limit": ["vivarium.disk.limit"],
  "cdrom show": "a row of the view",
  "cdrom insert": ["vivarium.media.insert"],
  "cdrom eject": ["vivarium.media.eject"],
  "share ls": "rows of the view",
  "share add": ["vivarium.share.add"],
  "forward ls": "the Ports row",
  "forward add": ["vivarium.forward.add", "vivarium.forward.change"],
  "forward rm": ["vivarium.forward.remove"],
  "share rm": ["vivarium.share.remove"],
  "share doctor": ["vivarium.share.report"],
  exec: ["vivarium.exec", "vivarium.openShell"],
  cp: ["vivarium.files.upload", "vivarium.files.download"],
  pull: ["vivarium.pullFolder"],
  sync: ["vivarium.syncFolder", "vivarium.stopSync"],
  ssh: ["vivarium.openSsh", "vivarium.copySshCommand"],
  "ssh-config install": ["vivarium.sshConfig.install"],
  "ssh-config remove": ["vivarium.sshConfig.remove"],
  "ssh-config show": "asked before it is installed",
  serial: ["vivarium.openSerialConsole"],
  screenshot: ["vivarium.screenshot"],
  keys: ["vivarium.sendKeys"],
  type: ["vivarium.typeText", "vivarium.typeClipboard"],
  ports: "the Ports row of a machine",
  "agent status": ["vivarium.agentStatus"],
  "agent install": ["vivarium.installAgent"],
  "agent upgrade": ["vivarium.upgradeAgent"],
  "guest show": ["vivarium.guestInfo"],
  "guest password": ["vivarium.guest.setPassword"],
  "guest trim": ["vivarium.guest.trim"],
  "guest freeze": ["vivarium.guest.freeze"],
  "guest thaw": ["vivarium.guest.thaw"],
  "key ls": "asked before one is removed",
  "key add": ["vivarium.guest.addKey"],
  "key rm": ["vivarium.guest.removeKey"],
  test: "a terminal's, until it is in the Test Explorer",
  up: "a terminal's, until it is in the Test Explorer",
  down: "a terminal's, until it is in the Test Explorer",
  status: "the group Test machines of the view",
  "trust ls": "a terminal's",
  "trust add": "a terminal's",
  "trust rm": "a terminal's",
  "net ls": "a terminal's, until there is a view of networks",
  "net create": "a terminal's, until there is a view of networks",
  "net show": "a terminal's, until there is a view of networks",
  "net set": "a terminal's, until there is a view of networks",
  "net rm": "a terminal's, until there is a view of networks",
  "net rules": "a terminal's, until there is a view of networks",
  "net impair": "a terminal's, until there is a view of networks",
  "net capture": "a terminal's, until there is a view of networks",
  logs: ["vivarium.showLogs", "vivarium.showSerialLog"],
  events: ["vivarium.showEvents"],
  doctor: ["vivarium.hostReport"],
  "image ls": "the Images view",
  "image catalog": ["vivarium.image.pull", "vivarium.image.updates"],
  "image pull": ["vivarium.image.pull"],
  "image import": ["vivarium.image.import"],
  "image rm": ["vivarium.image.remove"],
  "image verify": ["vivarium.image.verify"],
  "image inspect": ["vivarium.openImage"],
  "image check": ["vivarium.image.check"],
  "image convert": ["vivarium.image.convert"],
  "daemon status": "the status bar item and the view's message",
  "daemon stop": ["vivarium.stopService"],
  "daemon install": ["vivarium.startAtLogin"],
  "daemon uninstall": ["vivarium.noStartAtLogin"],
  "daemon run": "the system's own call",
  "daemon host-shutdown": "the system's own call",
  version: "the extension's page",
  completion: "a shell's",
  help: "the walkthrough",
};

describe("the palette", () => {
  it("has what viv has, or there is a reason", () => {
    const known: readonly string[] = [...commandIds, ...webviewCommandIds];
    for (const verb of verbNames) {
      const place = places[verb];
      assert.ok(place !== undefined, `viv ${verb}: is it a command? Say where in this table.`);
      if (typeof place !== "string") for (const command of place) assert.ok(known.includes(command), command);
    }
  });
});

describe("an event as a line", () => {
  const at = "2026-11-23T10:00:00.000Z";

  it("says what became of which machine", () => {
    const changed = (machine: ReturnType<typeof running>) => eventLine({ event: "machine.changed", at, machine: summaryOf(machine) });
    assert.deepEqual(changed(running("web")), { text: "web: running", warns: false });
    assert.deepEqual(changed(stopped("web", { operation: { kind: "start", step: "booting" } })), {
      text: "web: stopped (booting)",
      warns: false,
    });
    assert.deepEqual(eventLine({ event: "machine.readiness", at, id: "1", name: "web", step: "agent", ms: 2600.4 }), {
      text: "web: agent after 2600 ms",
      warns: false,
    });
  });

  it("stands out when something is wrong, and is one line whatever a name says", () => {
    const line = eventLine({ event: "machine.notice", at, id: "1", name: "web\n\u202e", level: "warning", message: "the disk\nis full" });
    assert.ok(line?.warns);
    assert.doesNotMatch(line.text, /[\n\u202e]/);
  });
});
