import type { MachineDetails, MethodName, Params, Result } from "../api/index.ts";
import { errorReport } from "../model/index.ts";
import { stateText } from "./state.ts";
import type { Work } from "./verb.ts";

/**
 * Does the same to several machines at once. Each is reported as it ends; the exit code is that of the first
 * failure in the order of the names. JSON: the one result, or for several names an array in their order with
 * `{name, error}` where it failed.
 */
export async function forEachName<R>(
  work: Work,
  given: readonly string[],
  act: (name: string) => Promise<R>,
  text: (name: string, result: R) => string,
): Promise<number> {
  const names = [...new Set(given)];
  const results = new Map<string, unknown>();
  const codes = new Map<string, number>();
  let cancelled = false;
  await Promise.all(
    names.map(async (name) => {
      try {
        const result = await act(name);
        results.set(name, result);
        if (!work.json) work.print(result, () => text(name, result));
      } catch (thrown) {
        const report = errorReport(thrown);
        results.set(name, { name, error: report });
        // Ctrl+C ends all of them: said once.
        const again = report.code === "cancelled" && cancelled;
        cancelled ||= report.code === "cancelled";
        codes.set(name, again ? 1 : await work.report(thrown));
      }
    }),
  );
  const failed = names.find((name) => codes.has(name));
  if (names.length > 1)
    work.json &&
      work.print(
        names.map((name) => results.get(name)),
        () => "",
      );
  else if (work.json && failed === undefined) work.print(results.get(names[0] ?? ""), () => "");
  return failed === undefined ? 0 : (codes.get(failed) ?? 1);
}

type LifecycleMethod = { [M in MethodName]: Result<M> extends MachineDetails ? M : never }[MethodName];

/** A change of state of each machine, reported as `hello: running`. */
export function changeStates<M extends LifecycleMethod>(
  work: Work,
  names: readonly string[],
  method: M,
  params: (name: string) => Params<M>,
): Promise<number> {
  return forEachName(
    work,
    names,
    (name) => work.call(method, params(name), name),
    (name, details) => `${name}: ${stateText(details)}\n`,
  );
}
