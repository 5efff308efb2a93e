import { AssertionError } from "./assertion_error.ts";

/** `expression` is truthy. */
export function assert(expression: unknown, message = ""): asserts expression {
  if (!expression) throw new AssertionError(message);
}

/** `expression` is falsy. */
export function assertFalse(expression: unknown, message = ""): void {
  if (expression) throw new AssertionError(message);
}

/** Fails. */
export function fail(message?: string): never {
  throw new AssertionError(`Failed assertion${suffix(message)}`);
}

/** Fails: this point must not be reached. */
export function unreachable(message?: string): never {
  throw new AssertionError(`Unreachable${suffix(message)}`);
}

/** `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected actual: "${actual}" to not be null or undefined${suffix(message)}`);
}

/** `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(message)}`);
}

/** `actual` does not match `expected`. */
export function assertNotMatch(actual: string, expected: RegExp, message?: string): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to not match: "${expected}"${suffix(message)}`);
}

/** `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(message)}`);
}

/** `actual` contains every element of `expected`. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  message?: string,
): void {
  const missing = Array.from(expected).filter((value) => !Array.from(actual).includes(value));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${Deno.inspect(actual)}" to include: "${Deno.inspect(expected)}"${
      suffix(message)
    }\nmissing: ${Deno.inspect(missing)}`,
  );
}

/** `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T extends abstract new (...args: never[]) => unknown>(
  actual: unknown,
  expectedType: T,
  message?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const found = actual === null
    ? "null"
    : typeof actual === "object"
    ? `an instance of "${actual.constructor?.name ?? "Object"}"`
    : typeof actual;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name || "anonymous class"}" but was ${found}${
      suffix(message)
    }`,
  );
}

/** `actual` is `expected` within `tolerance`, by default a hundred-thousandth percent of it. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than "${allowed}"${
      suffix(message)
    }`,
  );
}

/** `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  if (actual > expected) return;
  throw new AssertionError(
    `Expect ${Deno.inspect(actual)} > ${Deno.inspect(expected)}${suffix(message, "")}`,
  );
}

/** `actual` is greater than or equal to `expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (actual >= expected) return;
  throw new AssertionError(
    `Expect ${Deno.inspect(actual)} >= ${Deno.inspect(expected)}${suffix(message, "")}`,
  );
}

/** `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  if (actual < expected) return;
  throw new AssertionError(
    `Expect ${Deno.inspect(actual)} < ${Deno.inspect(expected)}${suffix(message, "")}`,
  );
}

/** `actual` is less than or equal to `expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (actual <= expected) return;
  throw new AssertionError(
    `Expect ${Deno.inspect(actual)} <= ${Deno.inspect(expected)}${suffix(message, "")}`,
  );
}

function suffix(message: string | undefined, otherwise = "."): string {
  return message ? `: ${message}` : otherwise;
}
