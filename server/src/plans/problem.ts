/** One thing wrong in a plan document, in words that a planner can act on, with the place where it stands. */
export interface PlanProblem {
  /** From 1. */
  line: number;
  column: number;
  /** Where in the document: `steps.2.people.0`. */
  path: string;
  zh: string;
  en: string;
}

/** `flood.plan.yaml:14:9 没有叫…的人员` – the form of compilers, so that editors can jump to it. */
export function problemLine(file: string, { line, column, zh, en }: PlanProblem): string {
  return `${file}:${line}:${column} ${zh} (${en})`;
}
