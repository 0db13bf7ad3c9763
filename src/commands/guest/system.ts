import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { runningGuest } from "./target.ts";

const { l10n } = vscode;

/** Sets the guest's clock from the host's. */
export const syncClock: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const { correctedMs } = await editor.service.call("machine.syncClock", { machine: machine.id });
    void vscode.window.showInformationMessage(
      l10n.t("{0}: the clock was off by {1} ms and is right now.", plain(machine.name), Math.round(correctedMs)),
    );
    return correctedMs;
  },
});

/** The guest's system, its addresses and who is logged in: `viv guest show`. */
export const guestInfo: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const system = await editor.service.call("guest.system", { machine: machine.id });
    const addresses = system.interfaces.filter(({ name }) => name !== "lo").flatMap((one) => one.addresses);
    const users = [...new Set(system.users.map(({ name }) => name))];
    const loggedIn = users.length === 0 ? "" : l10n.t("logged in: {0}", users.join(", "));
    const parts = [system.osName, system.kernel, system.hostname, addresses.join(", "), loggedIn].filter((part) => part !== "");
    void vscode.window.showInformationMessage(`${plain(machine.name)}: ${parts.map((part) => plain(part, 200)).join(" · ")}`);
    return system;
  },
});
