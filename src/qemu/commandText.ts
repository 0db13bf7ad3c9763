const withoutValue = new Set(["-nodefaults", "-no-user-config", "-S"]);

/**
 * The command as a person can run it again: POSIX quoting, one option a line. What `command.txt` holds.
 *
 * @param program the program and any words before QEMU's own (a bundle's loader)
 * @param args as from `commandLine`: every option but three takes one value
 */
export function commandText(program: readonly string[], args: readonly string[]): string {
  const lines = [program.map(quoted).join(" ")];
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index] ?? "";
    const value = withoutValue.has(name) ? undefined : args[index + 1];
    if (value !== undefined) index += 1;
    lines.push(value === undefined ? quoted(name) : `${quoted(name)} ${quoted(value)}`);
  }
  return `${lines.join(" \\\n  ")}\n`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
