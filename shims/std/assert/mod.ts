/** Stand-in for `@std/assert`, for hosts that cannot reach JSR. */

export * from "./assertion_error.ts";
export * from "./assertions.ts";
export * from "./equal.ts";
export * from "./equality_assertions.ts";
export * from "./throw_assertions.ts";
