export { parseStanzas, type Stanza } from "./control.ts";
export { type AptRoot, type AptRootOptions, type DebianArchitecture, type DebianPackage, openAptRoot, sha256File } from "./root.ts";
export { hostArchives, writeSourcesList } from "./sources.ts";
