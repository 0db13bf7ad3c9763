/** An error with a stable code for scripts, what happened, and the next step a person can take. */
export class BundleError extends Error {
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BundleError";
    this.code = code;
    this.hint = hint;
  }
}

/** One line for people: what happened and what to do. */
export function describeError(error: unknown): string {
  if (error instanceof BundleError) return `${error.code}: ${error.message}\n  ${error.hint}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
