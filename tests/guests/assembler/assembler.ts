/**
 * An assembler for small guests: Intel syntax, 16-, 32- and 64-bit code side by side.
 *
 * A line is `label:`, an instruction or a directive; `;` begins a comment. Directives: `bits 16|32|64`, `name = value`,
 * `db dw dd dq` with values and quoted text, `zero count`, `align count`, `at address` (what follows is linked to run
 * there, but lies where it is written), `here` (ends that). Labels that begin with a dot belong to the label before.
 *
 * @module
 */

import { encode, littleEndian } from "./encoder.ts";
import { evaluate, type Symbols, type Value } from "./expression.ts";

/** What was assembled. */
export interface Program {
  readonly origin: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly symbols: ReadonlyMap<string, bigint>;
}

const DATA: { readonly [name: string]: number } = { db: 1, dw: 2, dd: 4, dq: 8 };
/** Passes after which addresses must have settled. */
const PASSES = 6;

/** Assembles `source` to run at `origin`. @throws {SyntaxError} naming the line. */
export function assemble(source: string, origin: number): Program {
  const lines = source.split("\n").map((line) => line.replace(/;(?=([^"]*"[^"]*")*[^"]*$).*/, "").trim());
  let symbols = new Map<string, bigint>();
  for (let number = 1;; number++) {
    const pass = new Pass(origin, symbols, number === 1);
    lines.forEach((line, index) => {
      try {
        pass.line(line);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new SyntaxError(`Line ${index + 1}, "${line}": ${reason}`);
      }
    });
    const settled = number > 1 && [...pass.symbols].every(([name, value]) => symbols.get(name) === value);
    symbols = pass.symbols;
    if (settled) return { origin, bytes: Uint8Array.from(pass.bytes), symbols };
    if (number === PASSES) throw new SyntaxError("Addresses do not settle");
  }
}

class Pass implements Symbols {
  readonly bytes: number[] = [];
  readonly symbols = new Map<string, bigint>();
  readonly #constants = new Set<string>();
  #bits = 32;
  #scope = "";
  /** Address minus offset in the program. */
  #displacement: bigint;

  constructor(
    private readonly origin: number,
    private readonly before: ReadonlyMap<string, bigint>,
    private readonly lenient: boolean,
  ) {
    this.#displacement = BigInt(origin);
  }

  get #address(): bigint {
    return BigInt(this.bytes.length) + this.#displacement;
  }

  lookup(name: string): bigint | undefined {
    if (name === "$") return this.#address;
    const full = this.#full(name);
    return this.symbols.get(full) ?? this.before.get(full);
  }
  isConstant(name: string): boolean {
    return this.#constants.has(this.#full(name));
  }

  #full(name: string): string {
    return name.startsWith(".") ? this.#scope + name : name;
  }

  #evaluate(text: string): Value {
    return evaluate(text, this, this.lenient);
  }

  #number(text: string): number {
    return Number(this.#evaluate(text).value);
  }

  #define(name: string, value: bigint): void {
    const full = this.#full(name);
    if (this.symbols.has(full)) throw new SyntaxError(`Symbol "${full}" is defined twice`);
    this.symbols.set(full, value);
  }

  line(text: string): void {
    let rest = text;
    const label = /^([a-z_.][\w.]*):(?!:)\s*/i.exec(rest);
    if (label !== null) {
      if (!label[1]!.startsWith(".")) this.#scope = label[1]!;
      this.#define(label[1]!, this.#address);
      rest = rest.slice(label[0].length);
    }
    if (rest === "") return;
    const constant = /^([a-z_.][\w.]*)\s*=\s*(.*)$/i.exec(rest);
    if (constant !== null) {
      const { value, constant: known } = this.#evaluate(constant[2]!);
      this.#define(constant[1]!, value);
      if (known) this.#constants.add(this.#full(constant[1]!));
      return;
    }
    const [, word, argument] = /^(\S+)\s*(.*)$/.exec(rest)!;
    if (!this.#directive(word!.toLowerCase(), argument!)) this.#instruction(rest);
  }

  #directive(word: string, argument: string): boolean {
    const size = DATA[word];
    if (size !== undefined) {
      this.#data(size, argument);
      return true;
    }
    switch (word) {
      case "bits":
        this.#bits = Number(argument);
        return true;
      case "zero":
        this.#fill(this.#number(argument));
        return true;
      case "align": {
        const boundary = BigInt(this.#number(argument));
        this.#fill(Number((boundary - this.#address % boundary) % boundary));
        return true;
      }
      case "at":
        this.#displacement = this.#evaluate(argument).value - BigInt(this.bytes.length);
        return true;
      case "here":
        this.#displacement = BigInt(this.origin);
        return true;
      default:
        return false;
    }
  }

  #fill(count: number): void {
    for (let index = 0; index < count; index++) this.bytes.push(0);
  }

  #data(size: number, argument: string): void {
    for (const item of argument.match(/"[^"]*"|[^,]+/g) ?? []) {
      if (item.trim().startsWith('"')) this.bytes.push(...new TextEncoder().encode(item.trim().slice(1, -1)));
      else this.bytes.push(...littleEndian(this.#evaluate(item).value, size, !this.lenient));
    }
  }

  #instruction(text: string): void {
    const address = this.#address;
    const code = encode(text, {
      bits: this.#bits,
      address,
      evaluate: (expression) => this.#evaluate(expression),
      strict: !this.lenient,
    });
    this.bytes.push(...code);
  }
}
