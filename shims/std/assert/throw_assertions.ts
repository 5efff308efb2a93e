import { AssertionError } from "./assertion_error.ts";

type ErrorConstructor<E extends Error> = abstract new (...args: never[]) => E;

/** `fn` throws. Gives what was thrown. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** `fn` throws an error of `ErrorClass` whose message contains `includes`. Gives the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMessage?: ErrorConstructor<Error> | string,
  includes?: string,
  message?: string,
): unknown {
  const expectation = readExpectation(classOrMessage, includes, message);
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    return check(thrown, expectation);
  }
  throw new AssertionError(`Expected function to throw${expectation.suffix}`);
}

/** `fn` gives a promise that rejects. Gives the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
/** `fn` gives a promise that rejects with an error of `ErrorClass` whose message contains `includes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMessage?: ErrorConstructor<Error> | string,
  includes?: string,
  message?: string,
): Promise<unknown> {
  const expectation = readExpectation(classOrMessage, includes, message);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(`Function throws when expected to reject${expectation.suffix}`, {
      cause: error,
    });
  }
  try {
    await promise;
  } catch (error) {
    return check(error, expectation);
  }
  throw new AssertionError(`Expected function to reject${expectation.suffix}`);
}

interface Expectation {
  readonly ErrorClass: ErrorConstructor<Error> | undefined;
  readonly includes: string | undefined;
  readonly suffix: string;
}

function readExpectation(
  classOrMessage: ErrorConstructor<Error> | string | undefined,
  includes: string | undefined,
  message: string | undefined,
): Expectation {
  const ErrorClass = typeof classOrMessage === "function" ? classOrMessage : undefined;
  const text = typeof classOrMessage === "string" ? classOrMessage : message;
  return { ErrorClass, includes, suffix: text ? `: ${text}` : "." };
}

function check(error: unknown, { ErrorClass, includes, suffix }: Expectation): unknown {
  if (ErrorClass === undefined) return error;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was thrown or rejected${suffix}`, { cause: error });
  }
  const name = error.constructor.name;
  const text = error.message;
  if (!(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${name}": ${text}${suffix}`,
      { cause: error },
    );
  }
  if (includes !== undefined && !error.message.includes(includes)) {
    throw new AssertionError(
      `Expected error message to include ${JSON.stringify(includes)}, but got ${
        JSON.stringify(error.message)
      }${suffix}`,
      { cause: error },
    );
  }
  return error;
}
