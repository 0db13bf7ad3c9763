/** What is looked at and changed inside a guest, by whichever way reaches it. */
export { type GuestSystem, guestSystem } from "./facts.ts";
export { freezeFilesystems, thawFilesystems } from "./freeze.ts";
export { type AgentStatus, agentStatus, installAgent, upgradeAgent } from "./installAgent.ts";
export { type GuestPort, guestPorts, type PortWatch, watchPorts } from "./ports.ts";
export { trimFilesystems } from "./trim.ts";
export { addKey, listKeys, removeKey, setPassword } from "./users.ts";
