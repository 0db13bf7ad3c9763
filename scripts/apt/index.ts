export { type AptRoot, type AptRootOptions, type DebianArchitecture, type DebianPackage, openAptRoot, sha256File } from "./root.ts";
export { type DebianMirror, hostMirror } from "./sources.ts";
