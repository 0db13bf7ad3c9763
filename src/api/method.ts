import * as z from "zod";

/** How a method is written in the tables (methods.ts and the files beside it). */
export interface Method {
  params: z.ZodType;
  result: z.ZodType;
  doc: string;
  changes: boolean;
  long: boolean;
}

export function read<P extends z.ZodType, R extends z.ZodType>(doc: string, params: P, result: R) {
  return { doc, params, result, changes: false, long: false } as const;
}

export function change<P extends z.ZodType, R extends z.ZodType>(doc: string, params: P, result: R) {
  return { doc, params, result, changes: true, long: false } as const;
}

export function operation<P extends z.ZodType, R extends z.ZodType>(doc: string, params: P, result: R) {
  return { doc, params, result, changes: true, long: true } as const;
}

/** A machine's name or id. */
export const machine = z.string().min(1).max(200);
export const none = z.strictObject({});
export const done = z.object({});
