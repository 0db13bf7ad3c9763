import { nearest } from "../../model/index.ts";
import type { Plan } from "../file/index.ts";
import type { PlanProblem } from "./hostCheck.ts";
import type { RunWork } from "./work.ts";

/** Sees that the plan's image is here: one that the catalog knows is pulled. Gives what is wrong with it, if anything. */
export async function imageHere(work: RunWork, plan: Plan): Promise<PlanProblem | undefined> {
  const client = await work.connect();
  const architecture = plan.architecture ?? (process.arch === "arm64" ? "aarch64" : "x86_64");
  const images = await client.call("image.list", {}, { signal: work.signal });
  if (images.some((image) => image.name === plan.image && image.architecture === architecture)) return undefined;
  const catalog = await client.call("image.catalog", { ...work.web }, { signal: work.signal });
  const known = catalog.find(({ name }) => name === plan.image);
  const offered = known?.architectures.find((file) => file.architecture === architecture && file.url !== undefined);
  if (!offered) {
    const names = [...images, ...catalog].map(({ name }) => name);
    if (names.includes(plan.image)) return { path: ["image"], message: `there is no image ${plan.image} for ${architecture}` };
    const meant = nearest(plan.image, names);
    return {
      path: ["image"],
      message: `there is no image ${JSON.stringify(plan.image)}${meant === undefined ? ": viv image catalog lists what there is" : `; did you mean ${JSON.stringify(meant)}?`}`,
    };
  }
  await client.call(
    "image.pull",
    { source: plan.image, architecture, ...work.web },
    { signal: work.signal, onProgress: (report) => work.onProgress({ ...report, step: `${plan.image}: ${report.step}` }) },
  );
  return undefined;
}
