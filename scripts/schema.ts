/**
 * Writes `media/vm.schema.json` and `media/catalog.schema.json` from the model, so that editors complete and check those
 * files: `npm run schema`. A test holds the committed files against the model.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { catalogJsonSchema, definitionJsonSchema } from "../src/model/index.ts";
import { checkout } from "./setup/run.ts";

await mkdir(join(checkout, "media"), { recursive: true });
await writeFile(join(checkout, "media", "vm.schema.json"), `${JSON.stringify(definitionJsonSchema(), null, 2)}\n`);
await writeFile(join(checkout, "media", "catalog.schema.json"), `${JSON.stringify(catalogJsonSchema(), null, 2)}\n`);
