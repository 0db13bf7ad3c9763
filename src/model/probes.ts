import * as z from "zod";

/** The user's own steps of readiness: `probes` of vm.json. Each asks one thing until it is so. */
export const Probe = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "must match ^[a-z][a-z0-9-]{0,30}$"),
    description: z.string().max(200).optional().describe("Said where it is awaited and when it does not come"),
    command: z
      .string()
      .min(1)
      .max(4096)
      .refine((text) => !text.includes("\0"), "must be text")
      .optional()
      .describe("A shell command in the guest; ready when it ends with 0"),
    tcp: z.int().min(1).max(65535).optional().describe("A port something in the guest listens on"),
    http: z
      .strictObject({
        port: z.int().min(1).max(65535).describe("The guest's port; a forward leads to it"),
        path: z
          .string()
          .max(1024)
          .regex(/^\/[\x21-\x7e]*$/, "must be a path such as /health")
          .default("/"),
      })
      .optional()
      .describe("Ready when it answers with a status below 400"),
    timeoutSeconds: z.int().min(1).max(3600).default(120).describe("From the start; later it counts as failed"),
  })
  .refine(({ command, tcp, http }) => [command, tcp, http].filter((one) => one !== undefined).length === 1, {
    error: "must have exactly one of command, tcp and http",
  });
export type Probe = z.infer<typeof Probe>;
