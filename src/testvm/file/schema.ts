import * as z from "zod";
import { Architecture, ImageName, parseBytes, requireDuration } from "../../model/index.ts";

/** The test-VM file, `.testvm/testvm.json`: what a repository's tests need (docs/test-machines.md). Words as in devcontainer.json where the meaning is equal. */

export const lifecycleNames = ["onCreateCommand", "postCreateCommand", "postStartCommand"] as const;
export type LifecycleName = (typeof lifecycleNames)[number];

const Size = z
  .string()
  .refine((text) => parseBytes(text) !== undefined, "must be a size such as 512M or 10G")
  .meta({ pattern: "^\\d+(\\.\\d+)?\\s*[kKmMgGtT]?([iI]?[bB])?$" });

const Duration = z.string().refine(isDuration, "must be a duration such as 90s or 10m").meta({ pattern: "^\\d+(\\.\\d+)?(ms|s|m|h)?$" });

function isDuration(text: string): boolean {
  try {
    return requireDuration(text) > 0;
  } catch {
    return false;
  }
}

/** One command: a string is a line of shell, an array is the words of one program. */
const OneCommand = z.union([z.string().min(1).max(65_536), z.array(z.string().max(65_536)).min(1).max(1000)], {
  error: "must be a line of shell, or an array of words",
});
export type OneCommand = z.infer<typeof OneCommand>;

/** An object's commands run at the same time, under their names. */
const LifecycleCommand = z.union([OneCommand, z.record(z.string().min(1).max(60), OneCommand)], {
  error: "must be a line of shell, an array of words, or an object of such commands that run at the same time",
});
export type LifecycleCommand = z.infer<typeof LifecycleCommand>;

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VariableName = z.string().regex(variableName, "must be the name of an environment variable");

const GuestFolder = z
  .string()
  .regex(/^\/[^\p{Cc}]+$/u, "must be an absolute path in the guest, such as /workspace")
  .refine((path) => !path.split("/").includes(".."), "must not contain ..");

const Pattern = z
  .string()
  .min(1)
  .max(1000)
  .refine((pattern) => !pattern.split("/").includes(".."), "leaves the workspace folder");

const WorkspaceFile = z
  .string()
  .regex(/^[^/\p{Cc}][^\p{Cc}]*$/u, "must be a path relative to the workspace folder")
  .refine((path) => !path.split("/").includes(".."), "leaves the workspace folder");

const Port = z.int().min(1).max(65_535);

const HostRequirements = z.strictObject({
  cpus: z.int().min(1).optional().describe("Cores this computer must have"),
  memory: Size.optional().describe("Memory this computer must have, such as 8G"),
  storage: Size.optional().describe("Free space that must be left where machines are kept"),
  accelerated: z.boolean().optional().describe("Refuse to run where machines would be emulated (slow)"),
});

const PortAttributes = z.strictObject({
  label: z.string().max(60).optional().describe("What listens there, said beside the port"),
  requireLocalPort: z.boolean().optional().describe("The same port on this computer, or an error; else a free one is taken"),
});

const Tests = z.strictObject({
  command: OneCommand.optional().describe("What runs the tests, in the workspace folder of the guest; its exit code is that of viv test"),
  junit: z
    .union([WorkspaceFile, z.array(WorkspaceFile).min(1).max(100)], { error: "must be a path in the workspace folder, or several" })
    .optional()
    .describe("JUnit XML that the tests write, relative to the workspace folder"),
  tap: WorkspaceFile.optional().describe("TAP that the tests write, relative to the workspace folder; - is the command's output"),
  coverage: WorkspaceFile.optional().describe("LCOV that the tests write, relative to the workspace folder: shown in the editor"),
  timeout: Duration.optional().describe("How long the tests may take, such as 10m; then they are ended"),
});

const perTarget = {
  image: ImageName.optional().describe("The image the machine is made from, as in viv image ls and viv image catalog"),
  architecture: Architecture.optional().describe("Absent: this computer's own"),
  cpus: z.int().min(1).max(256).optional().describe("Processors of the machine"),
  memory: Size.optional().describe("Memory of the machine, such as 512M"),
  disk: Size.optional().describe("Size of the machine's disk, such as 4G; it takes only what is used"),
  network: z
    .enum(["nat", "none"])
    .optional()
    .describe("nat: the guest reaches the network, nobody reaches the guest but by forwardPorts; none: no network at all"),
  hostRequirements: HostRequirements.optional().describe("What this computer must have, checked before anything starts"),
  workspaceFolder: GuestFolder.optional().describe("Where the repository lies in the guest; /workspace when absent"),
  workspaceMount: z
    .enum(["sync", "none"])
    .optional()
    .describe("sync: a copy of the folder, without what .gitignore names; none: the guest gets nothing"),
  outputs: z
    .array(Pattern)
    .max(100)
    .optional()
    .describe("What is copied back after a run, as lines of .gitignore: coverage/**; never into .git or .vscode"),
  forwardPorts: z.array(Port).max(64).optional().describe("Ports of the guest that this computer can reach"),
  portsAttributes: z
    .record(z.string().regex(/^\d{1,5}$/, "must be a port"), PortAttributes)
    .optional()
    .describe("More about single ports"),
  remoteUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a user's name")
    .optional()
    .describe("Who runs the commands in the guest; root when absent"),
  remoteEnv: z.record(VariableName, z.string().max(32_768)).optional().describe("Environment of every command in the guest"),
  secrets: z
    .array(VariableName)
    .max(64)
    .optional()
    .describe("Variables of this computer that the guest gets with every command; each must be allowed (viv trust add --allow-env NAME)"),
  onCreateCommand: LifecycleCommand.optional().describe("First command in a new machine, once: system packages"),
  postCreateCommand: LifecycleCommand.optional().describe(
    "After onCreateCommand, once, when the workspace is there: dependencies of the project",
  ),
  postStartCommand: LifecycleCommand.optional().describe("Each time the machine starts: services the tests need"),
  waitFor: z
    .enum(lifecycleNames)
    .optional()
    .describe("The last command that must have ended before the tests begin; later ones go on beside them. postStartCommand when absent"),
  tests: Tests.optional().describe("The tests, for viv test"),
  warm: z
    .boolean()
    .optional()
    .describe("Keep the machine as it is after postCreateCommand, so that later runs go on from there in a moment; true when absent"),
  rebuildOn: z
    .array(WorkspaceFile)
    .max(100)
    .optional()
    .describe(
      "Files whose change makes the warm machine anew; absent: manifests and lock files of package managers. What the commands name counts always",
    ),
  onFailure: z.enum(["discard", "keep"]).optional().describe("What becomes of the machine when its tests fail; discard when absent"),
} as const;

export const TargetFile = z.strictObject(perTarget);
export type TargetFile = z.infer<typeof TargetFile>;

export const targetNamePattern = /^[a-z0-9][a-z0-9-]{0,15}$/;

export const TestVmFile = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().max(60).optional().describe("What is shown for these tests"),
  extends: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("Another such file in this folder, relative to this one; what stands here is put over it"),
  ...perTarget,
  targets: z
    .record(z.string().regex(targetNamePattern, "must be up to 16 lower-case letters, digits and dashes"), TargetFile)
    .optional()
    .describe("Several machines in which the tests run: what each has otherwise. Without it there is one"),
});
export type TestVmFile = z.infer<typeof TestVmFile>;

/** JSON Schema of the file, for editors. */
export function testVmJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(TestVmFile, { io: "input" }) as Record<string, unknown>;
  return {
    ...schema,
    title: "Vivarium test machines",
    description: "What the tests of this repository need: .testvm/testvm.json.",
    allowComments: true,
    allowTrailingCommas: true,
  };
}
