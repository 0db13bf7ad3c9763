import type { TemplateRef } from "../editor/index.ts";

/** The row below the machines that holds the templates; there is none without a template. */
export interface TemplatesNode {
  readonly kind: "templates";
}
/** A template; its forks are machines' rows below it. */
export interface TemplateNode extends TemplateRef {
  readonly kind: "template";
}
