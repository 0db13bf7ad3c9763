/** What the doctor runs in the guest in a folder, and how it reads the answer. Pure. */

export const measuredBytes = 16 * 1024 ** 2;
export const measuredFiles = 300;

/**
 * `$1` the folder. Times are of /proc/uptime, in seconds with two digits. Reads come after the caches were dropped.
 * A test that the guest has no tool for says nothing.
 */
export const measureScript = `cd "$1" || exit 1
time_of() { name=$1; shift; from=$(cut -d' ' -f1 /proc/uptime); "$@" || echo "failed $name"; echo "time $name $from $(cut -d' ' -f1 /proc/uptime)"; }
drop() { sync; echo 3 > /proc/sys/vm/drop_caches 2>/dev/null; }
write_big() { dd if=/dev/zero of=big bs=1048576 count=${measuredBytes / 1024 ** 2} conv=fsync 2>/dev/null; }
read_big() { dd if=big of=/dev/null bs=1048576 2>/dev/null; }
write_small() { mkdir small && i=0 && while [ $i -lt ${measuredFiles} ]; do echo $i > small/$i; i=$((i + 1)); done; }
read_small() { cat small/* > /dev/null; }
answer() { if eval "$2"; then echo "test $1 yes"; else echo "test $1 no"; fi; }
time_of write write_big; drop
time_of read read_big; rm -f big
time_of write-small write_small; drop
time_of read-small read_small
answer symlinks 'ln -s small/7 link 2>/dev/null && [ "$(cat link 2>/dev/null)" = 7 ]'
printf '#!/bin/sh\\necho ran\\n' > run
answer exec '! ./run 2>/dev/null | grep -q ran && chmod +x run && [ "$(./run 2>/dev/null)" = ran ]'
echo upper > Case; echo lower > case
answer case '[ "$(cat Case)" = upper ] && [ "$(cat case)" = lower ]'
if command -v flock > /dev/null; then
  answer locks 'flock -n lock -c "flock -n lock -c true && exit 1 || exit 0"'
fi
rm -rf small link run Case case lock`;

export interface Measured {
  /** null: it failed. */
  readonly writeBytesPerSecond: number | null;
  readonly readBytesPerSecond: number | null;
  readonly writeFilesPerSecond: number | null;
  readonly readFilesPerSecond: number | null;
  /** null: the guest has no tool to tell. */
  readonly symlinks: boolean | null;
  readonly execBit: boolean | null;
  readonly caseSensitive: boolean | null;
  readonly locks: boolean | null;
}

/** The clock has hundredths of a second. */
const tickSeconds = 0.01;

/** Only the form of a guest's answer is believed. */
export function parseMeasured(text: string): Measured {
  const failed = new Set([...text.matchAll(/^failed ([a-z-]+)$/gm)].map(([, name]) => name));
  const rate = (name: string, amount: number): number | null => {
    const [, from, to] = new RegExp(`^time ${name} (\\d{1,12}\\.\\d{2}) (\\d{1,12}\\.\\d{2})$`, "m").exec(text) ?? [];
    if (from === undefined || to === undefined || failed.has(name)) return null;
    return Math.round(amount / Math.max(tickSeconds, Number(to) - Number(from)));
  };
  const answer = (name: string): boolean | null => {
    const said = new RegExp(`^test ${name} (yes|no)$`, "m").exec(text)?.[1];
    return said === undefined ? null : said === "yes";
  };
  return {
    writeBytesPerSecond: rate("write", measuredBytes),
    readBytesPerSecond: rate("read", measuredBytes),
    writeFilesPerSecond: rate("write-small", measuredFiles),
    readFilesPerSecond: rate("read-small", measuredFiles),
    symlinks: answer("symlinks"),
    execBit: answer("exec"),
    caseSensitive: answer("case"),
    locks: answer("locks"),
  };
}
