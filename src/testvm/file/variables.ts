import { nearest } from "../../model/index.ts";

/** What `${…}` of the test-VM file stands for. */
export interface VariableValues {
  readonly localWorkspaceFolder: string;
  readonly targetName: string;
  /** This computer's environment, and the names of it that the user allowed. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly allowed: ReadonlySet<string>;
}

const known = ["localWorkspaceFolder", "localWorkspaceFolderBasename", "targetName", "localEnv"] as const;

/** `${localEnv:NAME}` or `${localEnv:NAME:otherwise}`, or any other name; a shell's own `${…}` is left to the shell. */
const variable = /\$\{([A-Za-z]\w*)(?::([^}:]*)(?::([^}]*))?)?\}/g;

/** The names of this computer's environment that a text asks for. */
export function environmentNames(text: string): string[] {
  return [...text.matchAll(variable)].flatMap(([, name, argument]) => (name === "localEnv" && argument ? [argument] : []));
}

/** Puts values in; what is wrong is told, one sentence each. */
export function substitute(text: string, values: VariableValues, onProblem: (message: string) => void): string {
  return text.replace(variable, (whole, name: string, argument: string | undefined, otherwise: string | undefined) => {
    switch (name) {
      case "localWorkspaceFolder":
        return values.localWorkspaceFolder;
      case "localWorkspaceFolderBasename":
        return values.localWorkspaceFolder.split(/[/\\]/).at(-1) ?? "";
      case "targetName":
        return values.targetName;
      case "localEnv":
        return localEnvironment(argument ?? "", otherwise, values, onProblem);
      default: {
        const meant =
          known.find((one) => one.toLowerCase() === name.toLowerCase()) ??
          (name.startsWith("local") ? (nearest(name, known) ?? "") : undefined);
        if (meant !== undefined)
          onProblem(
            `\${${name}} is not known${meant === "" ? `; there is ${known.map((one) => `\${${one}}`).join(", ")}` : `; did you mean \${${meant}}?`}`,
          );
        return whole;
      }
    }
  });
}

function localEnvironment(
  name: string,
  otherwise: string | undefined,
  values: VariableValues,
  onProblem: (message: string) => void,
): string {
  if (!values.allowed.has(name)) {
    onProblem(`\${localEnv:${name}} is not allowed: viv trust add --allow-env ${name || "NAME"}`);
    return "";
  }
  return values.environment[name] ?? otherwise ?? "";
}
