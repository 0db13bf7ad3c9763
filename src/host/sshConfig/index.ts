export { installSshConfig, removeSshConfig, renewSshConfig, type SshConfig, type SshConfigPlace, sshConfig } from "./files.ts";
export * from "./text.ts";
