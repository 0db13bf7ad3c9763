/** Writes docs/api.md from the method table: `node scripts/apiDocs.ts`. A test holds the committed file against it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiText } from "./setup/apiText.ts";
import { checkout } from "./setup/run.ts";

await writeFile(join(checkout, "docs", "api.md"), apiText());
