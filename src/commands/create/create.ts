import * as vscode from "vscode";
import { isMachineRef } from "../../editor/index.ts";
import type { Command, Work } from "../command.ts";
import { pickImage } from "../images/pick.ts";
import { type FirstBootAnswers, firstBootRequest, firstBootStep } from "./firstBootStep.ts";
import { guestStep } from "./guestStep.ts";
import { makeMachine } from "./make.ts";
import { type Named, nameStep } from "./nameStep.ts";
import { type NetworkChoice, networkStep } from "./networkStep.ts";
import type { ChosenSize, Guest } from "./plan.ts";
import { sizeStep } from "./sizeStep.ts";
import { back, cancelled } from "./step.ts";

const { l10n } = vscode;

interface Answers {
  guest?: Guest;
  size?: ChosenSize;
  named?: Named;
  network?: NetworkChoice;
  firstBoot?: FirstBootAnswers;
}

/**
 * At most four questions, each with a default: Enter three times makes and starts a machine. The network, or the first
 * boot, is a fourth step only for who asks for it. Everything else is changed afterwards, in the settings.
 */
export const create: Command = async (work, target) => createWith(work, target);

/** The same with the first question answered: by an image of the tree, or one that is chosen. */
export const createFromImage: Command = async (work, target) => {
  const image = await pickImage(work.editor, target, l10n.t("Create a Machine of Which Image?"));
  return image && createWith(work, undefined, { from: "image", image: image.name, title: image.title, architecture: image.architecture });
};

async function createWith(work: Work, target: unknown, guest?: Guest): Promise<unknown> {
  await work.editor.machines.load();
  const answers = await ask(work, guest);
  if (!answers?.guest || !answers.size || !answers.named) return undefined;
  const network = answers.network ?? { network: "nat" as const, ports: [] };
  const { guest: chosen, size, named, firstBoot } = answers;
  const own = firstBoot && firstBootRequest(firstBoot);
  const plan = {
    ...{ guest: chosen, size, name: named.name, ...network, group: groupOf(work, target) },
    ...(own && Object.keys(own).length > 0 ? { firstBoot: own } : {}),
  };
  return makeMachine(work, plan, { start: answers.named.next !== "only create" });
}

async function ask(work: Work, guest: Guest | undefined): Promise<Answers | undefined> {
  const answers: Answers = guest ? { guest } : {};
  for (let step = guest ? 2 : 1; ; ) {
    const place = { title: l10n.t("New Machine"), step, steps: step === 4 || asksMore(answers) ? 4 : 3 };
    const answer = await question(work, step, answers, place);
    if (answer === cancelled) return undefined;
    if (answer === back) step -= 1;
    else if (answer === "done") return answers;
    else step += 1;
  }
}

/** Asks one question and keeps its answer. */
async function question(
  work: Work,
  step: number,
  answers: Answers,
  place: Parameters<typeof networkStep>[0],
): Promise<"next" | "done" | typeof back | typeof cancelled> {
  if (step === 1 || !answers.guest) {
    const guest = await guestStep(work.editor, place);
    if (typeof guest === "symbol") return guest;
    answers.guest = guest;
    return "next";
  }
  if (step === 2) {
    const size = await sizeStep(answers.guest, place);
    if (typeof size === "symbol") return size;
    answers.size = size;
    return "next";
  }
  if (step === 3) {
    const named = await nameStep(work.editor, answers.guest, answers.named?.name, place);
    if (typeof named === "symbol") return named;
    answers.named = named;
    return asksMore(answers) ? "next" : "done";
  }
  if (answers.named?.next === "first boot") {
    const firstBoot = await firstBootStep(place, answers.firstBoot);
    if (typeof firstBoot === "symbol") return firstBoot;
    answers.firstBoot = firstBoot;
    return "done";
  }
  const network = await networkStep(place);
  if (typeof network === "symbol") return network;
  answers.network = network;
  return "done";
}

/** A button of the third step asks for a fourth. */
function asksMore({ named }: Answers): boolean {
  return named?.next === "network" || named?.next === "first boot";
}

/** Asked for on a group of the tree, or on a machine in one: the new machine belongs there, too. */
function groupOf({ editor }: Work, target: unknown): string | undefined {
  if (isMachineRef(target)) return editor.machines.find(target.machine)?.group;
  const group = target as { kind?: unknown; name?: unknown } | undefined;
  return group?.kind === "group" && typeof group.name === "string" ? group.name : undefined;
}
