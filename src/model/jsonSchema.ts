import * as z from "zod";
import { Catalog } from "./catalog.ts";
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

/** JSON Schema of a catalog of images (`media/catalog.json`, the setting `vivarium.catalog`). */
export function catalogJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(Catalog, { io: "input" }) as Record<string, unknown>;
  return { ...schema, title: "Vivarium image catalog", description: "Images that can be pulled by name, and what proves them." };
}
