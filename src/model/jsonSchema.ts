import * as z from "zod";
import { Definition } from "./definition.ts";

/** JSON Schema (draft 2020-12) of `vm.json`: what a person writes, so what has a default may be left out. */
export function definitionJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Definition, { io: "input" }) as Record<string, unknown>;
  return {
    ...schema,
    title: "Vivarium machine",
    description: "What a virtual machine should be: vm.json in the machine's folder.",
    allowComments: true,
    allowTrailingCommas: true,
  };
}
