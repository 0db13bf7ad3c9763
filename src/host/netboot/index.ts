export { type Netboot, type NetbootMachine, type NetbootSource, netbootFromFolder, netbootFromWeb } from "./netboot.ts";
