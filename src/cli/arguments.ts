/** The arguments many verbs share. */
export const machineArgument = { label: "NAME", summary: "The machine's name (or id)", completes: "machine" } as const;
export const machinesArgument = { label: "NAME", summary: "The machines' names (or ids)", many: true, completes: "machine" } as const;
