import { runOnNode24 } from "./setup/node24.mjs";

runOnNode24("scripts/soak.ts");
