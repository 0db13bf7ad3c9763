import type { HostReport } from "../../../../../src/api/index.ts";

/** A `vm.json` as a person keeps it: comments, an order of their own, defaults left out. */
export const sampleText = `// The shop's web server.
{
  "schema": 1,
  "id": "3e2f6d1a-8a5b-4c3d-9e1f-0a1b2c3d4e5f",
  "name": "web",
  "architecture": "x86_64",
  "machineType": "pc-q35-10.0",
  // Two are enough at night.
  "cpus": 2,
  "memory": "1G", // measured in June
  "firmware": { "type": "bios" },
  "disks": [{ "id": "disk0", "file": "disk0.qcow2" }],
  "networks": [
    {
      "mode": "nat",
      "mac": "52:54:00:12:34:56",
      "forwards": [
        { "guestPort": 22, "hostPort": 2222 } // SSH
      ]
    }
  ],
  "note": "by hand" // the last line
}
`;

const gibibyte = 1024 ** 3;

/** A Linux host with 4 cores and 8 GiB, without a TPM emulator and without KVM. */
export const host: HostReport = {
  platform: "linux",
  architecture: "x86_64",
  cores: 4,
  memoryBytes: 8 * gibibyte,
  qemu: { version: "10.0.13", source: "bundle", path: "" },
  qemuProblem: null,
  accelerators: [
    {
      name: "kvm",
      title: "KVM",
      builtIn: true,
      permitted: false,
      works: false,
      chosen: false,
      loopMs: null,
      relativeSpeed: null,
      reason: "No permission for /dev/kvm.",
    },
    { name: "tcg", title: "TCG", builtIn: true, permitted: true, works: true, chosen: true, loopMs: 10, relativeSpeed: 1, reason: "" },
  ],
  features: [
    { name: "tpm", title: "Emulated TPM", available: false, reason: "The program swtpm was not found.", instead: "" },
    { name: "vsock", title: "Sockets to the guest (vsock)", available: true, reason: "", instead: "" },
    { name: "smm-secure-boot", title: "Secure Boot", available: false, reason: "No SMM here.", instead: "" },
    { name: "uefi-vars-secure-boot", title: "Secure Boot", available: true, reason: "", instead: "" },
  ],
  probeMs: 0,
  home: "/home/person/.vivarium",
  freeBytes: 100 * gibibyte,
};
