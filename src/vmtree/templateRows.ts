import type * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, factsOf, hasProcess } from "../editor/index.ts";
import { type Shared, templateItem, templatesItem, templateTooltip } from "./templateItems.ts";
import type { TemplateNode, TemplatesNode } from "./templateNodes.ts";

/** How long a fork's load is measured while somebody looks at its template, ms. */
const measureMs = 300;

/** The templates' rows below the machines. */
export class TemplateRows {
  readonly #editor: Editor;
  readonly #section: TemplatesNode = { kind: "templates" };
  readonly #nodes = new Map<string, TemplateNode>();

  constructor(editor: Editor) {
    this.#editor = editor;
  }

  /** An older service has no templates; what else goes wrong with it the machines' list says. */
  async load(): Promise<void> {
    await this.#editor.templates.load().catch((error: unknown) => this.#editor.log.debug(`no templates: ${factsOf(error).message}`));
  }

  section(shown: readonly string[]): TemplatesNode[] {
    return shown.length === 0 ? [] : [this.#section];
  }

  nodeOf(template: string): TemplateNode {
    const known = this.#nodes.get(template);
    if (known) return known;
    const node: TemplateNode = { kind: "template", template };
    this.#nodes.set(template, node);
    return node;
  }

  parentOf({ kind }: TemplateNode | TemplatesNode): TemplatesNode | undefined {
    return kind === "template" ? this.#section : undefined;
  }

  itemOf(node: TemplateNode | TemplatesNode): vscode.TreeItem | undefined {
    const { templates } = this.#editor;
    if (node.kind === "templates") return templatesItem(templates.all);
    const template = templates.find(node.template);
    return template && templateItem(template, this.#forksOf(template.id));
  }

  async tooltipOf(node: TemplateNode, token: vscode.CancellationToken): Promise<vscode.MarkdownString | undefined> {
    const template = this.#editor.templates.find(node.template);
    if (!template) return undefined;
    const forks = this.#forksOf(template.id);
    const shared = await this.#measure(forks.filter(hasProcess), token);
    return templateTooltip(template, forks, shared);
  }

  #forksOf(template: string): MachineSummary[] {
    return this.#editor.machines.all.filter(({ fork }) => fork?.template === template);
  }

  /** Only now, while somebody looks. @returns undefined where the host does not tell, or a fork did not answer */
  async #measure(running: readonly MachineSummary[], token: vscode.CancellationToken): Promise<Shared | undefined> {
    if (running.length === 0) return undefined;
    const abort = new AbortController();
    const cancelled = token.onCancellationRequested(() => abort.abort());
    try {
      const usages = await Promise.all(
        running.map(({ id }) =>
          this.#editor.service.call("machine.usage", { machine: id, intervalMs: measureMs }, { signal: abort.signal }),
        ),
      );
      let privateBytes = 0;
      for (const usage of usages) {
        if (usage.privateBytes === null) return undefined;
        privateBytes += usage.privateBytes;
      }
      return { running: running.length, privateBytes };
    } catch (error) {
      this.#editor.log.debug(`no figures of forks: ${factsOf(error).message}`);
      return undefined;
    } finally {
      cancelled.dispose();
    }
  }
}
