/** Networks of machines on this host: their files, and the processes that carry them. */
export { type NetworkStatus, Networks, type NewNetwork } from "./networks.ts";
