/** The room's door: what a guest becomes the first time it starts, and how nothing of it stays behind. */

export { agentInstallScript, agentPort, agentProgramPath } from "./agentInstall.ts";
export { firstBootScript } from "./byAgent.ts";
export { cloudConfig, doneMark, type FirstBootFacts, metaData } from "./cloudConfig.ts";
export { credentials, smbiosString } from "./credentials.ts";
export { definitionToStart, keepPassword, prepareFirstBoot, readUserData, seedFile } from "./files.ts";
export { hashPassword } from "./passwordHash.ts";
export { cloudConfigText, mergeCloudConfig, parseUserData } from "./userData.ts";
export { type FirstBootWatch, inFirstBoot, watchFirstBoot } from "./watch.ts";
