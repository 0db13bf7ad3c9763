/**
 * Every error that a person can meet: a code (stable, for scripts), a message (what happened to what)
 * and a hint (the next step a person can take). The number is the exit code of `viv` (README).
 */
export const errorCodes = {
  // 1: the work failed
  internal: 1,
  failed: 1,
  cancelled: 1,
  timeout: 1,
  damaged: 1,
  "disk-full": 1,
  "io-error": 1,
  "qemu-crashed": 1,
  "qemu-lost": 1,
  "not-responding": 1,
  "qmp-error": 1,
  "agent-unavailable": 1,
  "agent-failed": 1,
  "ssh-failed": 1,
  "daemon-unavailable": 1,
  "untrusted-input": 1,
  // 1: files of a guest, beside not-found, exists, disk-full and io-error
  "no-permission": 1,
  "not-a-folder": 1,
  "is-a-folder": 1,
  // 2: the request itself is wrong
  usage: 2,
  "invalid-name": 2,
  "invalid-definition": 2,
  // 3: no such thing
  "not-found": 3,
  // 4: not in this state, or somebody else holds it
  "wrong-state": 4,
  exists: 4,
  locked: 4,
  "version-conflict": 4,
  // 5: this host cannot
  "host-cannot": 5,
  "qemu-missing": 5,
  "qemu-too-old": 5,
  "bundle-damaged": 5,
  "home-unusable": 5,
  "not-enough-memory": 5,
} as const;

export type ErrorCode = keyof typeof errorCodes;

export class VivError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "VivError";
    this.code = code;
    this.hint = hint;
  }
}

export function vivError(code: ErrorCode, message: string, hint?: string, cause?: unknown): VivError {
  return new VivError(code, message, hint, cause);
}

/** The JSON form of an error: what `viv --json` prints and what travels over the API. */
export interface ErrorReport {
  code: ErrorCode;
  message: string;
  hint?: string;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(errorCodes, value);
}

/** Any thrown value as a report; what is not a VivError is `internal` (or `disk-full` for ENOSPC). */
export function errorReport(thrown: unknown): ErrorReport {
  const error = asVivError(thrown);
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

export function asVivError(thrown: unknown): VivError {
  if (thrown instanceof VivError) return thrown;
  const system = thrown as NodeJS.ErrnoException | undefined;
  if (system?.code === "ENOSPC" || system?.code === "EDQUOT") {
    return vivError("disk-full", `No space is left on the disk: ${system.message}`, "Free some space and try again.", thrown);
  }
  if (system?.name === "AbortError") return vivError("cancelled", "Cancelled.", undefined, thrown);
  return vivError("internal", thrown instanceof Error ? thrown.message : String(thrown), undefined, thrown);
}

export function exitCode(code: ErrorCode): number {
  return errorCodes[code];
}
