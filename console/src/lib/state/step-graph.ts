/** A step as far as drawing goes. */
export interface GraphStep {
  id: string;
  after: readonly string[];
}

export interface PlacedStep<Step extends GraphStep> {
  step: Step;
  /** From 0, left to right: one more than the farthest step it waits for. */
  column: number;
  /** From 0, top to bottom within its column. */
  row: number;
  /** Number on the box, from 1, in the order of the plan. */
  number: number;
}

export interface StepGraph<Step extends GraphStep> {
  placed: PlacedStep<Step>[];
  columns: number;
  /** The height of the fullest column. */
  rows: number;
  /** How many steps stand in each column. */
  heights: number[];
  wires: { from: PlacedStep<Step>; to: PlacedStep<Step> }[];
}

/** Lays steps out left to right, parallel ones stacked. Steps named in `after` that do not exist, or that close a ring, are left out. */
export function layOut<Step extends GraphStep>(steps: readonly Step[]): StepGraph<Step> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const columns = new Map<string, number>();
  const onTheWay = new Set<string>();
  const columnOf = (step: Step): number => {
    const known = columns.get(step.id);
    if (known !== undefined) return known;
    if (onTheWay.has(step.id)) return -1;
    onTheWay.add(step.id);
    let column = 0;
    for (const id of step.after) {
      const before = byId.get(id);
      if (before) column = Math.max(column, columnOf(before) + 1);
    }
    onTheWay.delete(step.id);
    columns.set(step.id, column);
    return column;
  };

  const heights: number[] = [];
  const placed = steps.map((step, i): PlacedStep<Step> => {
    const column = columnOf(step);
    while (heights.length <= column) heights.push(0);
    const row = heights[column] ?? 0;
    heights[column] = row + 1;
    return { step, column, row, number: i + 1 };
  });
  const placedById = new Map(placed.map((one) => [one.step.id, one]));
  const wires = placed.flatMap((to) =>
    to.step.after.flatMap((id) => {
      const from = placedById.get(id);
      return from && from.column < to.column ? [{ from, to }] : [];
    }),
  );
  return { placed, columns: heights.length, rows: Math.max(0, ...heights), heights, wires };
}
