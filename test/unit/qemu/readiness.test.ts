import assert from "node:assert/strict";
import { readinessReader } from "../../../src/qemu/index.ts";

const marks = (...pieces: (string | Buffer)[]) => {
  const read = readinessReader();
  return pieces.map((piece) => read(piece));
};

describe("readiness on the serial console", () => {
  it("reads the starter guest's ladder", () => {
    const console = [
      "SeaBIOS (version 1.16.3-debian-1.16.3-2)\r\n",
      "[    0.000000] Linux version 6.12.57 (debian)\r\n",
      "[    0.9] Run /init as init process\r\nvivarium: init 1.02\r\n",
      "vivarium: network 1.9\r\n",
      "vivarium: agent 2.21\r\nvivarium: ssh 3\r\n",
    ];
    assert.deepEqual(marks(...console), [["firmware"], ["kernel"], ["init"], ["network"], ["agent", "ssh"]]);
  });

  const others: Record<string, string> = {
    "UEFI firmware (version 2025.02-8 built at 13:37)\r\n": "firmware",
    '\u001b[2J\u001b[01;01H\u001b[=3hBdsDxe: loading Boot0001 "UEFI QEMU HARDDISK"\r\n': "firmware",
    "EFI stub: Booting Linux Kernel...\r\n": "kernel",
    "\u001b[0;1;39msystemd[1]: \u001b[0mDetected virtualization qemu.\r\n": "init",
    "\r\nDebian GNU/Linux 13 debian ttyS0\r\n\r\ndebian login: ": "init",
  };
  for (const [text, mark] of Object.entries(others)) {
    it(`knows ${JSON.stringify(text.slice(0, 40))}`, () => assert.deepEqual(marks(text), [[mark]]));
  }

  it("puts together what arrives in pieces, in the middle of a character too", () => {
    const bytes = Buffer.from("ünï\r\nvivarium: agent 2.2\r\n");
    const read = readinessReader();
    assert.deepEqual(
      [...bytes].flatMap((byte) => read(Buffer.of(byte))),
      ["agent"],
    );
  });

  it("tells each step once", () => {
    assert.deepEqual(marks("vivarium: init 1\n", "vivarium: init 1\n"), [["init"], []]);
  });

  it("takes a quiet kernel's farewell for nothing", () => {
    assert.deepEqual(marks("vivarium: init 1\n", "[   12.4] reboot: Power down\n"), [["init"], []]);
  });

  it("is not impressed by a line without end", () => {
    const read = readinessReader();
    for (let count = 0; count < 1000; count += 1) read("x".repeat(10_000));
    assert.deepEqual(read("\nvivarium: ssh 9\n"), ["ssh"]);
  });
});
