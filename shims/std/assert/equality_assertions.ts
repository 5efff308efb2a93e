import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";

/** `actual` and `expected` have the same structure and contents. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(message, ":", ".")}\n\n${difference(actual, expected)}`,
  );
}

/** `actual` and `expected` differ in structure or contents. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${inspect(actual)} not to be: ${inspect(expected)}${suffix(message, ":", ".")}`,
  );
}

/** `actual` and `expected` are the same value, by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const text = inspect(actual) === inspect(expected)
    ? `Values have the same structure but are not reference-equal${suffix(message, ":", ".")}\n\n${
      inspect(actual)
    }\n`
    : `Values are not strictly equal${suffix(message, ":", ".")}\n\n${difference(actual, expected)}`;
  throw new AssertionError(text);
}

/** `actual` and `expected` are not the same value, by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, message?: string): void {
  if (!Object.is(actual, expected)) return;
  throw new AssertionError(
    `Expected "actual" to not be strictly equal to: ${inspect(actual)}${suffix(message, ":", "")}\n`,
  );
}

/** `actual` has at least the properties that `expected` has. */
export function assertObjectMatch(actual: object, expected: object, message?: string): void {
  assertEquals(pick(actual, expected), expected, message);
}

function pick(actual: object, expected: object): object {
  if (Array.isArray(expected)) {
    return expected.map((value, index) => pickValue(Reflect.get(actual, index), value));
  }
  return Object.fromEntries(
    Object.entries(expected).filter(([key]) => key in actual)
      .map(([key, value]) => [key, pickValue(Reflect.get(actual, key), value)]),
  );
}

function pickValue(actual: unknown, expected: unknown): unknown {
  const nested = typeof actual === "object" && actual !== null && typeof expected === "object" &&
    expected !== null && (Array.isArray(expected) || Object.getPrototypeOf(expected) === Object.prototype);
  return nested ? pick(actual, expected) : actual;
}

function inspect(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: 200,
    strAbbreviateSize: Infinity,
  });
}

/** Both values where they are short, and the first differing element of long sequences. */
function difference(actual: unknown, expected: unknown): string {
  const lines = ["    [Diff] Actual / Expected", "", ""];
  const first = inspect(actual).split("\n");
  const second = inspect(expected).split("\n");
  let head = 0;
  while (head < first.length && head < second.length && first[head] === second[head]) head++;
  let tail = 0;
  while (
    tail < first.length - head && tail < second.length - head &&
    first[first.length - 1 - tail] === second[second.length - 1 - tail]
  ) tail++;
  const context = 6;
  if (head > context) lines.push(`    ... ${head - context} unchanged lines ...`);
  lines.push(...first.slice(Math.max(0, head - context), head).map((line) => `    ${line}`));
  lines.push(...changed("-", first.slice(head, first.length - tail)));
  lines.push(...changed("+", second.slice(head, second.length - tail)));
  const end = first.slice(first.length - tail);
  lines.push(...end.slice(0, context).map((line) => `    ${line}`));
  if (end.length > context) lines.push(`    ... ${end.length - context} unchanged lines ...`);
  const at = firstDifference(actual, expected);
  if (at !== undefined) lines.push("", at);
  return lines.join("\n") + "\n";
}

function changed(sign: string, lines: readonly string[]): string[] {
  const shown = lines.slice(0, 40).map((line) => `${sign}   ${line}`);
  if (lines.length > shown.length) shown.push(`${sign}   ... ${lines.length - shown.length} more lines ...`);
  return shown;
}

function firstDifference(actual: unknown, expected: unknown): string | undefined {
  if (!isSequence(actual) || !isSequence(expected)) return undefined;
  const length = Math.max(actual.length, expected.length);
  for (let index = 0; index < length; index++) {
    if (index < actual.length && index < expected.length && equal(actual[index], expected[index])) continue;
    const left = index < actual.length ? Deno.inspect(actual[index]) : "nothing";
    const right = index < expected.length ? Deno.inspect(expected[index]) : "nothing";
    return `    First difference at index ${index}: ${left} / ${right}`;
  }
  return undefined;
}

function isSequence(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function suffix(message: string | undefined, separator: string, otherwise: string): string {
  return message ? `${separator} ${message}` : otherwise;
}
