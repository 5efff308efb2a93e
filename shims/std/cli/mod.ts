/** Stand-in for `@std/cli`, for hosts that cannot reach JSR. */

export * from "./parse_args.ts";
