/** Stand-in for `@std/cli/parse-args`, for hosts that cannot reach JSR. Dotted names are not nested. */

/** Options of {@link parseArgs}. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
> {
  /** Puts what follows `--` in the property `--` instead of among the operands. */
  readonly "--"?: boolean;
  /** Other names of an option. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options without a value; `true` makes every double-dash option without `=` one. */
  readonly boolean?: boolean | B | readonly B[];
  readonly default?: D;
  /** Everything from the first operand on is an operand. */
  readonly stopEarly?: boolean;
  /** Options whose value stays text. */
  readonly string?: S | readonly S[];
  /** Options that may be given many times, as an array. */
  readonly collect?: C | readonly C[];
  /** Options that `--no-NAME` turns off. */
  readonly negatable?: string | readonly string[];
  /** Called for what is not declared; `false` leaves it out. */
  readonly unknown?: (argument: string, key?: string, value?: unknown) => unknown;
}

type OneOrMany<K extends string, T, C extends string, Missing> =
  & { [N in Exclude<K, C>]: T | Missing }
  & { [N in Extract<K, C>]: T[] };

/** What {@link parseArgs} gives. */
export type Args<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
> =
  & Record<string, unknown>
  & OneOrMany<B, boolean, C, never>
  & OneOrMany<Extract<S, keyof D>, string, C, never>
  & OneOrMany<Exclude<S, keyof D>, string, C, undefined>
  & { _: (string | number)[]; "--"?: string[] };

/** Parses command-line arguments. */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const D extends Record<string, unknown> = Record<never, never>,
>(args: readonly string[], options: ParseOptions<B, S, C, D> = {}): Args<B, S, C, D> {
  return new Parser(options).parse(args) as Args<B, S, C, D>;
}

const NUMBER = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?:$|\s)|^0x[0-9a-f]+$/i;

class Parser {
  readonly #options: ParseOptions;
  readonly #booleans: Set<string>;
  readonly #strings: Set<string>;
  readonly #collected: Set<string>;
  readonly #negatable: Set<string>;
  readonly #aliases = new Map<string, string[]>();
  readonly #result: Record<string, unknown> = {};
  readonly #given = new Set<string>();
  readonly #operands: (string | number)[] = [];

  constructor(options: ParseOptions) {
    this.#options = options;
    for (const [name, others] of Object.entries(options.alias ?? {})) {
      const group = [name, ...list(others)];
      for (const key of group) this.#aliases.set(key, group.filter((other) => other !== key));
    }
    this.#booleans = this.#withAliases(typeof options.boolean === "boolean" ? [] : list(options.boolean));
    this.#strings = this.#withAliases(list(options.string));
    this.#collected = this.#withAliases(list(options.collect));
    this.#negatable = this.#withAliases(list(options.negatable));
  }

  parse(args: readonly string[]): Record<string, unknown> {
    const end = args.indexOf("--");
    const after = end < 0 ? [] : args.slice(end + 1);
    const before = end < 0 ? args : args.slice(0, end);
    for (let index = 0; index < before.length; index++) {
      const argument = before[index]!;
      if (argument.startsWith("--") && argument.length > 2) index += this.#long(argument, before[index + 1]);
      else if (/^-[^-]/.test(argument) && !NUMBER.test(argument)) {
        index += this.#short(argument, before[index + 1]);
      } else {
        this.#operand(argument);
        if (this.#options.stopEarly) {
          this.#operands.push(...before.slice(index + 1));
          break;
        }
      }
    }
    this.#setDefaults();
    if (this.#options["--"]) this.#result["--"] = after;
    else this.#operands.push(...after);
    return { ...this.#result, _: this.#operands };
  }

  /** A `--name` option; gives how many further arguments it took. */
  #long(argument: string, next: string | undefined): number {
    const equals = argument.indexOf("=");
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    if (equals >= 0) {
      const value = argument.slice(equals + 1);
      this.#set(name, this.#booleans.has(name) ? value !== "false" : value, argument);
      return 0;
    }
    if (name.startsWith("no-") && this.#negatable.has(name.slice(3))) {
      this.#set(name.slice(3), false, argument);
      return 0;
    }
    return this.#valueOrFlag(name, next, argument, this.#options.boolean === true);
  }

  /** A `-abc` group; gives how many further arguments it took. */
  #short(argument: string, next: string | undefined): number {
    const letters = argument.slice(1);
    for (let index = 0; index < letters.length; index++) {
      const name = letters[index]!;
      const rest = letters.slice(index + 1);
      if (rest === "") return this.#valueOrFlag(name, next, argument, false);
      const takesRest = rest.startsWith("=") || this.#strings.has(name) ||
        (/[A-Za-z]/.test(name) && NUMBER.test(rest)) || /^\W/.test(rest);
      if (takesRest && !this.#booleans.has(name)) {
        this.#set(name, rest.startsWith("=") ? rest.slice(1) : rest, argument);
        return 0;
      }
      this.#set(name, this.#strings.has(name) ? "" : true, argument);
    }
    return 0;
  }

  #valueOrFlag(name: string, next: string | undefined, argument: string, flagsOnly: boolean): number {
    if (this.#booleans.has(name) && (next === "true" || next === "false")) {
      this.#set(name, next === "true", argument);
      return 1;
    }
    const takesNext = next !== undefined && !/^-(?!\d)./.test(next) && !flagsOnly &&
      !this.#booleans.has(name);
    if (takesNext) {
      this.#set(name, next, argument);
      return 1;
    }
    this.#set(name, this.#strings.has(name) ? "" : true, argument);
    return 0;
  }

  #operand(argument: string): void {
    if (this.#options.unknown && this.#options.unknown(argument) === false) return;
    this.#operands.push(this.#strings.has("_") ? argument : toNumber(argument));
  }

  #set(name: string, value: string | boolean, argument: string): void {
    const declared = this.#booleans.has(name) || this.#strings.has(name) || this.#collected.has(name) ||
      this.#aliases.has(name) || (this.#options.boolean === true && typeof value === "boolean");
    if (!declared && this.#options.unknown && this.#options.unknown(argument, name, value) === false) return;
    const typed = this.#strings.has(name) || typeof value === "boolean" ? value : toNumber(value);
    for (const key of [name, ...this.#aliases.get(name) ?? []]) {
      const earlier = this.#given.has(key) ? this.#result[key] : undefined;
      this.#result[key] = this.#collected.has(name)
        ? [...Array.isArray(earlier) ? earlier : [], typed]
        : typed;
      this.#given.add(key);
    }
  }

  #setDefaults(): void {
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      for (const key of [name, ...this.#aliases.get(name) ?? []]) {
        if (!this.#given.has(key)) this.#result[key] = value;
      }
    }
    for (const key of this.#booleans) {
      if (!(key in this.#result)) this.#result[key] = this.#collected.has(key) ? [] : false;
    }
    for (const key of this.#collected) this.#result[key] ??= [];
  }

  #withAliases(names: readonly string[]): Set<string> {
    return new Set(names.flatMap((name) => [name, ...this.#aliases.get(name) ?? []]));
  }
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

function toNumber(text: string): string | number {
  return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : text;
}
