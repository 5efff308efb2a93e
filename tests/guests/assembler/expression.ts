/**
 * Integer expressions of the assembler: numbers, symbols and C's operators.
 *
 * @module
 */

/** What symbols stand for. */
export interface Symbols {
  /** Value of a symbol; `undefined` if it is not known yet. */
  lookup(name: string): bigint | undefined;
  /** Whether a symbol is a constant, whose size may decide how an instruction is encoded. */
  isConstant(name: string): boolean;
}

/** Value of an expression. */
export interface Value {
  readonly value: bigint;
  /** No label takes part: the value is the same in each pass. */
  readonly constant: boolean;
}

const TOKEN = /\s*(0x[0-9a-f_]+|0b[01_]+|\d[\d_]*|'(?:[^'])'|[a-z_.$@][\w.$@]*|<<|>>|[-+*/%&|^~()])/iy;
const LEVELS = [["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]] as const;

/** Evaluates `text`. A symbol that is not known counts as zero if `lenient`. @throws {SyntaxError} */
export function evaluate(text: string, symbols: Symbols, lenient: boolean): Value {
  return new Parser(text, symbols, lenient).whole();
}

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;
  #constant = true;

  constructor(
    private readonly text: string,
    private readonly symbols: Symbols,
    private readonly lenient: boolean,
  ) {
    TOKEN.lastIndex = 0;
    const trimmed = text.trimEnd();
    while (TOKEN.lastIndex < trimmed.length) {
      const match = TOKEN.exec(trimmed);
      if (match === null) throw new SyntaxError(`Expression "${text}" is malformed`);
      this.#tokens.push(match[1]!);
    }
  }

  whole(): Value {
    const value = this.#binary(0);
    if (this.#at !== this.#tokens.length) throw new SyntaxError(`Expression "${this.text}" is malformed`);
    return { value, constant: this.#constant };
  }

  #binary(level: number): bigint {
    const operators: readonly string[] | undefined = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (operators.includes(this.#tokens[this.#at] ?? "")) {
      const operator = this.#tokens[this.#at++]!;
      left = apply(operator, left, this.#binary(level + 1));
    }
    return left;
  }

  #unary(): bigint {
    const token = this.#tokens[this.#at++];
    if (token === "-") return -this.#unary();
    if (token === "~") return ~this.#unary();
    if (token === "+") return this.#unary();
    if (token === "(") {
      const value = this.#binary(0);
      if (this.#tokens[this.#at++] !== ")") throw new SyntaxError(`Expression "${this.text}" lacks ")"`);
      return value;
    }
    if (token === undefined) throw new SyntaxError(`Expression "${this.text}" ends early`);
    if (token.startsWith("'")) return BigInt(token.charCodeAt(1));
    if (/^\d/.test(token)) return BigInt(token.replaceAll("_", ""));
    if (!this.symbols.isConstant(token)) this.#constant = false;
    const value = this.symbols.lookup(token);
    if (value === undefined && !this.lenient) throw new SyntaxError(`Symbol "${token}" is not defined`);
    return value ?? 0n;
  }
}

function apply(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "|":
      return left | right;
    case "^":
      return left ^ right;
    case "&":
      return left & right;
    case "<<":
      return left << right;
    case ">>":
      return left >> right;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    default:
      return left % right;
  }
}
