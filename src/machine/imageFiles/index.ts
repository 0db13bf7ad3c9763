/** Image files of the user's and of others, anywhere on the host: looked at by us first, then read by a limited qemu-img. */
export { type Inspection, inspectImage } from "./inspect.ts";
export { type LimitedRun, type Limits, limitsFor, runLimited } from "./limited.ts";
export { type CheckedImage, type ImageSource, requireImage, withBytes } from "./open.ts";
export { beginPartial, type Partial, removePartials } from "./partial.ts";
export { publishFile } from "./publish.ts";
