export { parseJunit } from "./junit.ts";
export { type CoveredFile, parseLcov } from "./lcov.ts";
export { type CaseResult, type Counts, countsOf, type Outcome, type Report, reportLimits } from "./model.ts";
export { type Place, placeOf } from "./place.ts";
export { parseTap } from "./tap.ts";
export { junitText } from "./write.ts";
