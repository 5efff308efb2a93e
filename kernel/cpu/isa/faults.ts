/**
 * What is executed in place of bytes that are no instruction.
 *
 * @module
 */

import { Vector } from "../state.ts";
import { definePseudo } from "./definition.ts";

/** Bytes that are no instruction. */
export const UNDEFINED_OPCODE = definePseudo("#ud", (e) => e.fault(Vector.UD), true);
/** An instruction of more than 15 bytes. */
export const TOO_LONG = definePseudo("#gp", (e) => e.fault(Vector.GP), true);
