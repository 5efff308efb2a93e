/**
 * How a table grows whose entries are never null.
 *
 * @module
 */

/** Adds entries to a table; they are what the first is. */
export function growTable(table: WebAssembly.Table, entries: number): void {
  // The declaration of the method does not know of its second argument.
  const grow: (this: WebAssembly.Table, entries: number, value: unknown) => number = table.grow;
  grow.call(table, entries, table.get(0));
}
