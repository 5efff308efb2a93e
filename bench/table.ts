/**
 * What a benchmark measured, as a table.
 *
 * @module
 */

/** A column; numbers are shown with `digits` digits behind the point. */
export interface Column {
  /** With the unit, as in `median ms`. */
  readonly name: string;
  /** Default 0. */
  readonly digits?: number;
}

/** A table. Text stands on the left of its column, numbers on the right. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Lines for people: conditions, and what could not be measured. */
  readonly notes?: readonly string[];
}

/** The option with which a benchmark writes its tables as JSON, one a line. */
const AS_JSON = "--tables-as-json";

/** Arguments that make a benchmark's `report` write what {@link parseReport} reads. */
export const REPORT_ARGUMENTS: readonly string[] = [AS_JSON];

/** Writes a table to standard output: for people, or for the runner if it asks. */
export function report(table: Table): void {
  console.log(Deno.args.includes(AS_JSON) ? JSON.stringify(table) : `${formatTable(table)}\n`);
}

/** Reads a line that {@link report} wrote. */
export function parseReport(line: string): Table {
  return JSON.parse(line);
}

/** A table as aligned text. */
export function formatTable({ title, columns, rows, notes = [] }: Table): string {
  const cells = rows.map((row) =>
    row.map((value, index) => typeof value === "number" ? value.toFixed(columns[index]!.digits ?? 0) : value)
  );
  const isNumber = columns.map((_, index) => rows.some((row) => typeof row[index] === "number"));
  const widths = columns.map(({ name }, index) =>
    Math.max(name.length, ...cells.map((row) => row[index]?.length ?? 0))
  );
  const line = (texts: readonly string[]) =>
    texts.map((text, index) => isNumber[index] ? text.padStart(widths[index]!) : text.padEnd(widths[index]!))
      .join("  ").trimEnd();
  return [
    title,
    line(columns.map(({ name }) => name)),
    line(widths.map((width) => "-".repeat(width))),
    ...cells.map(line),
    ...notes,
  ].join("\n");
}

/** The value that half of all values are below; that of the upper half's lowest for an even number. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that `part` (from 0 to 1) of all values are below. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? NaN;
}
