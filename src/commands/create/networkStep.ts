import * as vscode from "vscode";
import type { Plan } from "./plan.ts";
import { type Answer, back, pickStep, type StepPlace, textStep } from "./step.ts";

const { l10n } = vscode;

export type NetworkChoice = Pick<Plan, "network" | "ports">;

interface NetworkItem extends vscode.QuickPickItem {
  readonly choice?: NetworkChoice;
}

/** How the guest reaches the world, and the world the guest. */
export async function networkStep(place: StepPlace): Promise<Answer<NetworkChoice>> {
  const items: NetworkItem[] = [
    {
      label: l10n.t("NAT"),
      detail: l10n.t("The guest reaches the network; only SSH is forwarded, on this computer alone"),
      choice: { network: "nat", ports: [] },
    },
    { label: l10n.t("NAT with forwarded ports…"), detail: l10n.t("Ports of the guest that this computer reaches on 127.0.0.1") },
    { label: l10n.t("None"), detail: l10n.t("An adapter without a cable"), choice: { network: "none", ports: [] } },
  ];
  for (;;) {
    const chosen = await pickStep({ ...place, placeHolder: l10n.t("Which network?"), items });
    if (typeof chosen === "symbol") return chosen;
    if (chosen.choice) return chosen.choice;
    const ports = await portsStep(place);
    if (ports !== back) return typeof ports === "symbol" ? ports : { network: "nat", ports };
  }
}

function portsStep(place: StepPlace): Promise<Answer<readonly number[]>> {
  return textStep<readonly number[]>(() => ({
    ...place,
    value: "80 8080",
    prompt: l10n.t("Ports of the guest, with spaces between them; each gets a free port of this computer"),
    problem: (text) => (parsePorts(text) ? undefined : l10n.t("Write numbers from 1 to 65535, such as 80 8080.")),
    accept: (text) => parsePorts(text) ?? [],
  }));
}

export function parsePorts(text: string): number[] | undefined {
  const ports = text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map(Number);
  return ports.length > 0 && ports.length <= 32 && ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535)
    ? ports
    : undefined;
}
