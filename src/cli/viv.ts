import { existsSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The entry of `viv`. It only turns on Node's compile cache, so it pays when the build keeps program.ts in a file
 * of its own. The cache lies in the home folder: the default, a fixed name in a temporary folder, is one that
 * another user of the host could have made first.
 */

const home = process.env["VIVARIUM_HOME"] ?? join(homedir(), ".vivarium");
// Node 20 has no such function. A home that cannot be written is none of its business.
if (existsSync(home)) module.enableCompileCache?.(join(home, "cache", "viv"));

void import("./program.ts").then((program) => program.start());
