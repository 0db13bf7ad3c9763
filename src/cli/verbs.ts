import type { Verb } from "./verb.ts";

type Load = () => Promise<{ verb: Verb }>;

/**
 * Every verb of `viv`, in the order of the help. A verb's file is loaded when it is used.
 * To add one: copy a file of verbs/, add its line here.
 */
export const groups: readonly { readonly title: string; readonly verbs: Readonly<Record<string, Load>> }[] = [
  {
    title: "Machines",
    verbs: {
      create: () => import("./verbs/create.ts"),
      clone: () => import("./verbs/clone.ts"),
      import: () => import("./verbs/import.ts"),
      export: () => import("./verbs/export.ts"),
      ls: () => import("./verbs/ls.ts"),
      show: () => import("./verbs/show.ts"),
      set: () => import("./verbs/set.ts"),
      edit: () => import("./verbs/edit.ts"),
      rename: () => import("./verbs/rename.ts"),
      rm: () => import("./verbs/rm.ts"),
      "trash ls": () => import("./verbs/trash-ls.ts"),
      "trash restore": () => import("./verbs/trash-restore.ts"),
      "trash empty": () => import("./verbs/trash-empty.ts"),
    },
  },
  {
    title: "Running",
    verbs: {
      start: () => import("./verbs/start.ts"),
      stop: () => import("./verbs/stop.ts"),
      kill: () => import("./verbs/kill.ts"),
      restart: () => import("./verbs/restart.ts"),
      reset: () => import("./verbs/reset.ts"),
      pause: () => import("./verbs/pause.ts"),
      resume: () => import("./verbs/resume.ts"),
      suspend: () => import("./verbs/suspend.ts"),
      wait: () => import("./verbs/wait.ts"),
    },
  },
  {
    title: "Snapshots",
    verbs: {
      "snapshot create": () => import("./verbs/snapshot-create.ts"),
      "snapshot ls": () => import("./verbs/snapshot-ls.ts"),
      "snapshot tree": () => import("./verbs/snapshot-tree.ts"),
      "snapshot restore": () => import("./verbs/snapshot-restore.ts"),
      "snapshot rm": () => import("./verbs/snapshot-rm.ts"),
      "snapshot undo": () => import("./verbs/snapshot-undo.ts"),
      "snapshot empty": () => import("./verbs/snapshot-empty.ts"),
      "snapshot edit": () => import("./verbs/snapshot-edit.ts"),
      "snapshot check": () => import("./verbs/snapshot-check.ts"),
      "snapshot diff": () => import("./verbs/snapshot-diff.ts"),
    },
  },
  {
    title: "Templates and forks",
    verbs: {
      fork: () => import("./verbs/fork.ts"),
      keep: () => import("./verbs/keep.ts"),
      "template create": () => import("./verbs/template-create.ts"),
      "template ls": () => import("./verbs/template-ls.ts"),
      "template show": () => import("./verbs/template-show.ts"),
      "template edit": () => import("./verbs/template-edit.ts"),
      "template rm": () => import("./verbs/template-rm.ts"),
    },
  },
  {
    title: "Disks",
    verbs: {
      "disk ls": () => import("./verbs/disk-ls.ts"),
      "disk add": () => import("./verbs/disk-add.ts"),
      "disk rm": () => import("./verbs/disk-rm.ts"),
      "disk trash": () => import("./verbs/disk-trash.ts"),
      "disk resize": () => import("./verbs/disk-resize.ts"),
      "disk check": () => import("./verbs/disk-check.ts"),
      "disk compact": () => import("./verbs/disk-compact.ts"),
      "disk limit": () => import("./verbs/disk-limit.ts"),
      "cdrom show": () => import("./verbs/cdrom-show.ts"),
      "cdrom insert": () => import("./verbs/cdrom-insert.ts"),
      "cdrom eject": () => import("./verbs/cdrom-eject.ts"),
    },
  },
  {
    title: "Forwards",
    verbs: {
      "forward ls": () => import("./verbs/forward-ls.ts"),
      "forward add": () => import("./verbs/forward-add.ts"),
      "forward rm": () => import("./verbs/forward-rm.ts"),
    },
  },
  {
    title: "Shared folders",
    verbs: {
      "share ls": () => import("./verbs/share-ls.ts"),
      "share add": () => import("./verbs/share-add.ts"),
      "share rm": () => import("./verbs/share-rm.ts"),
      "share doctor": () => import("./verbs/share-doctor.ts"),
    },
  },
  {
    title: "Inside the guest",
    verbs: {
      exec: () => import("./verbs/exec.ts"),
      cp: () => import("./verbs/cp.ts"),
      sync: () => import("./verbs/sync.ts"),
      pull: () => import("./verbs/pull.ts"),
      ssh: () => import("./verbs/ssh.ts"),
      "ssh-config install": () => import("./verbs/ssh-config-install.ts"),
      "ssh-config remove": () => import("./verbs/ssh-config-remove.ts"),
      "ssh-config show": () => import("./verbs/ssh-config-show.ts"),
      serial: () => import("./verbs/serial.ts"),
      screenshot: () => import("./verbs/screenshot.ts"),
      keys: () => import("./verbs/keys.ts"),
      type: () => import("./verbs/type.ts"),
      ports: () => import("./verbs/ports.ts"),
      "agent status": () => import("./verbs/agent-status.ts"),
      "agent install": () => import("./verbs/agent-install.ts"),
      "agent upgrade": () => import("./verbs/agent-upgrade.ts"),
      "guest show": () => import("./verbs/guest-show.ts"),
      "guest password": () => import("./verbs/guest-password.ts"),
      "guest trim": () => import("./verbs/guest-trim.ts"),
      "guest freeze": () => import("./verbs/guest-freeze.ts"),
      "guest thaw": () => import("./verbs/guest-thaw.ts"),
      "key ls": () => import("./verbs/key-ls.ts"),
      "key add": () => import("./verbs/key-add.ts"),
      "key rm": () => import("./verbs/key-rm.ts"),
    },
  },
  {
    title: "Tests of a repository",
    verbs: {
      test: () => import("./verbs/test.ts"),
      up: () => import("./verbs/up.ts"),
      down: () => import("./verbs/down.ts"),
      status: () => import("./verbs/status.ts"),
      "trust ls": () => import("./verbs/trust-ls.ts"),
      "trust add": () => import("./verbs/trust-add.ts"),
      "trust rm": () => import("./verbs/trust-rm.ts"),
    },
  },
  {
    title: "Networks",
    verbs: {
      "net ls": () => import("./verbs/net-ls.ts"),
      "net create": () => import("./verbs/net-create.ts"),
      "net show": () => import("./verbs/net-show.ts"),
      "net set": () => import("./verbs/net-set.ts"),
      "net rm": () => import("./verbs/net-rm.ts"),
      "net rules": () => import("./verbs/net-rules.ts"),
      "net impair": () => import("./verbs/net-impair.ts"),
      "net capture": () => import("./verbs/net-capture.ts"),
    },
  },
  {
    title: "Watching",
    verbs: {
      logs: () => import("./verbs/logs.ts"),
      events: () => import("./verbs/events.ts"),
    },
  },
  {
    title: "This host",
    verbs: {
      doctor: () => import("./verbs/doctor.ts"),
      prune: () => import("./verbs/prune.ts"),
      "image ls": () => import("./verbs/image-ls.ts"),
      "image catalog": () => import("./verbs/image-catalog.ts"),
      "image pull": () => import("./verbs/image-pull.ts"),
      "image import": () => import("./verbs/image-import.ts"),
      "image rm": () => import("./verbs/image-rm.ts"),
      "image verify": () => import("./verbs/image-verify.ts"),
      "image inspect": () => import("./verbs/image-inspect.ts"),
      "image check": () => import("./verbs/image-check.ts"),
      "image convert": () => import("./verbs/image-convert.ts"),
      "daemon status": () => import("./verbs/daemon-status.ts"),
      "daemon stop": () => import("./verbs/daemon-stop.ts"),
      "daemon install": () => import("./verbs/daemon-install.ts"),
      "daemon uninstall": () => import("./verbs/daemon-uninstall.ts"),
      "daemon run": () => import("./verbs/daemon-run.ts"),
      "daemon host-shutdown": () => import("./verbs/daemon-host-shutdown.ts"),
      version: () => import("./verbs/version.ts"),
      completion: () => import("./verbs/completion.ts"),
      help: () => import("./verbs/help.ts"),
    },
  },
];

export const verbNames: readonly string[] = groups.flatMap((group) => Object.keys(group.verbs));

export function loaderOf(name: string): Load | undefined {
  for (const group of groups) if (Object.hasOwn(group.verbs, name)) return group.verbs[name];
  return undefined;
}

/** The verbs under a first word: `trash` → `trash ls`, `trash restore`, `trash empty`. */
export function verbsUnder(word: string): string[] {
  return verbNames.filter((name) => name.startsWith(`${word} `));
}

export interface LoadedGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

export async function loadAll(): Promise<LoadedGroup[]> {
  return Promise.all(
    groups.map(async ({ title, verbs }) => ({
      title,
      verbs: await Promise.all(Object.values(verbs).map(async (load) => (await load()).verb)),
    })),
  );
}
