/**
 * Writes `media/vm.schema.json`, `media/catalog.schema.json` and `media/testvm.schema.json` from their models, so that editors
 * complete and check those files: `npm run schema`. A test holds the committed files against the model.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { catalogJsonSchema, definitionJsonSchema } from "../src/model/index.ts";
import { testVmJsonSchema } from "../src/testvm/index.ts";
import { checkout } from "./setup/run.ts";

await mkdir(join(checkout, "media"), { recursive: true });
await writeFile(join(checkout, "media", "vm.schema.json"), `${JSON.stringify(definitionJsonSchema(), null, 2)}\n`);
await writeFile(join(checkout, "media", "catalog.schema.json"), `${JSON.stringify(catalogJsonSchema(), null, 2)}\n`);
await writeFile(join(checkout, "media", "testvm.schema.json"), `${JSON.stringify(testVmJsonSchema(), null, 2)}\n`);
