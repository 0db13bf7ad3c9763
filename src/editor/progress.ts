import * as vscode from "vscode";
import type { CallOptions } from "../api/index.ts";
import { plain } from "./text.ts";

/** Work that is over before this shows no notification: the tree and the status bar show it anyway. */
const quietMs = 1500;

/**
 * Runs work that can be cancelled. After a moment a notification with its progress and a Cancel button comes up.
 * @throws what the work throws; `cancelled` when the user cancelled.
 */
export async function withCancellableProgress<T>(
  title: string,
  work: (options: Required<CallOptions>) => Promise<T>,
  quiet = quietMs,
): Promise<T> {
  const controller = new AbortController();
  let report: CallOptions["onProgress"];
  let last: Parameters<NonNullable<CallOptions["onProgress"]>>[0] | undefined;
  const running = work({
    signal: controller.signal,
    onProgress: (progress) => {
      last = progress;
      report?.(progress);
    },
  });
  if (await settledWithin(running, quiet)) return running;
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, cancellable: true, title },
    async (progress, token) => {
      token.onCancellationRequested(() => controller.abort());
      let percent = 0;
      report = (now) => {
        const increment = now.percent === undefined ? 0 : Math.max(0, now.percent - percent);
        percent += increment;
        progress.report({ message: plain(now.step), increment });
      };
      if (last) report(last);
      return running;
    },
  );
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([
      work.then(
        () => true,
        () => true,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
