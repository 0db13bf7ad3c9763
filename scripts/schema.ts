/**
 * Writes `media/vm.schema.json` from the model, so that editors complete and check vm.json: `npm run schema`.
 * A test holds the committed file against the model.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { definitionJsonSchema } from "../src/model/index.ts";
import { checkout } from "./setup/run.ts";

await mkdir(join(checkout, "media"), { recursive: true });
await writeFile(join(checkout, "media", "vm.schema.json"), `${JSON.stringify(definitionJsonSchema(), null, 2)}\n`);
