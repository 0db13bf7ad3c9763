import type { ShareMeasured, ShareReport, ShareView } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

/** What the verbs of shares share. */
export const tagArgument = { label: "TAG", summary: "The share's name; viv share ls shows it" } as const;

/** A line for each share, and why it is as it is below it. */
export function shareTable(shares: readonly ShareView[], style: Style): string {
  const rows = shares.map((share) => [share.tag, share.kind ?? "-", stateWords(share), share.mountPoint, share.path, share.reason]);
  return table(
    [{ title: "SHARE" }, { title: "KIND" }, { title: "STATE" }, { title: "IN THE GUEST" }, { title: "FOLDER" }, { title: "WHY" }],
    rows,
    style,
  );
}

function stateWords({ state, readOnly }: ShareView): string {
  return `${state.replaceAll("-", " ")}${readOnly ? ", read-only" : ""}`;
}

/** A column for each kind, a line for each question. */
export function doctorTable({ ways, best }: ShareReport, style: Style): string {
  const measured = ways.filter((way) => way.available);
  const missing = ways.filter((way) => !way.available);
  const line = (title: string, value: (way: ShareMeasured) => string) => [title, ...measured.map(value)];
  const rows = [
    line("write", ({ writeBytesPerSecond }) => perSecond(writeBytesPerSecond)),
    line("read", ({ readBytesPerSecond }) => perSecond(readBytesPerSecond)),
    line("small files written", ({ writeFilesPerSecond }) => count(writeFilesPerSecond)),
    line("small files read", ({ readFilesPerSecond }) => count(readFilesPerSecond)),
    line("symbolic links", ({ symlinks }) => yesNo(symlinks)),
    line("executable bit", ({ execBit }) => yesNo(execBit)),
    line("A and a are two names", ({ caseSensitive }) => yesNo(caseSensitive)),
    line("locks", ({ locks }) => yesNo(locks)),
    line("guest's watchers hear the host", ({ guestHearsHost }) => yesNo(guestHearsHost)),
    line("host's watchers hear the guest", ({ hostHearsGuest }) => yesNo(hostHearsGuest)),
  ];
  const titles = measured.map(({ way }) => ({ title: way === "copy" ? "COPY (viv sync)" : way, align: "right" as const }));
  const gaps = missing
    .map(({ way, reason }) => `${way}: ${reason.startsWith(`${way}: `) ? reason.slice(way.length + 2) : reason}\n`)
    .join("");
  return `${table([{ title: "" }, ...titles], rows, style)}${gaps}auto: ${best.kind ?? "none"} (${best.reason})\n`;
}

function perSecond(bytes: number | null): string {
  return bytes === null ? "failed" : `${humanBytes(bytes)}/s`;
}

function count(files: number | null): string {
  return files === null ? "failed" : `${files}/s`;
}

function yesNo(answer: boolean | null): string {
  return answer === null ? "-" : answer ? "yes" : "no";
}
