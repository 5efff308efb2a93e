/**
 * A notation for lists of handlers: `encoding: handlers; ...`.
 *
 * The encoding is an instruction form's. Each handler of it is written as its operand size in bytes, a letter for what
 * ModRM.rm names (`R` a register, or it is not there; `B` memory by a base, `I` by a base and an index), and `+` if the
 * conditional jump behind the instruction is executed, too.
 *
 * @module
 */

import { forms } from "../isa/mod.ts";
import { Repeat, RmKind } from "../variant.ts";
import { type Handler, handlerKey } from "./handler.ts";

/** Marks an encoding that there is in 64-bit mode alone. */
const LONG_ONLY = "o64";

const formsByText = new Map(forms.map((form) => [form.text, form]));

const RM_KINDS: Readonly<Record<string, RmKind>> = {
  R: RmKind.Register,
  B: RmKind.MemoryBase,
  I: RmKind.MemoryIndexed,
};

/** The handlers of a list that is written for 64-bit code, or those of the same instructions in 32-bit code. */
export function parseHandlerList(list: string, bits64: boolean): Handler[] {
  const handlers = list.split(";").flatMap((entry) => {
    const [encoding, names] = entry.split(":").map((part) => part.trim()) as [string, string];
    const form = formsByText.get(encoding);
    if (form === undefined) throw new Error(`No instruction is encoded "${encoding}"`);
    if (!bits64 && form.attributes.has(LONG_ONLY)) return [];
    return names.split(" ").map((name): Handler => {
      const [size, letter, plus] = name;
      const rm = RM_KINDS[letter ?? ""];
      if (rm === undefined) throw new Error(`Handler "${name}" of "${encoding}" is malformed`);
      const variant = {
        form,
        operandSize: Math.min(Number(size), bits64 ? 8 : 4),
        addressSize: bits64 ? 8 : 4,
        rm,
        bits64,
        flat: !bits64,
        lock: false,
        repeat: Repeat.None,
      };
      return { variant, fused: plus === "+" };
    });
  });
  return [...new Map(handlers.map((handler) => [handlerKey(handler), handler])).values()];
}
