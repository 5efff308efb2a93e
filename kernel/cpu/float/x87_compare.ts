/**
 * x87 comparisons, FXAM and FCMOVcc.
 *
 * @module
 */

import { type compareQuiet, compareSignalling, Relation, relationFlags } from "./compare.ts";
import { Kind, unpack80, type Unpacked } from "./format.ts";
import { C0, C1, C2, C3, INDEFINITE, type X87Unit } from "./x87_unit.ts";

/** Ordered (FCOM) or unordered (FUCOM) comparison. */
export type Comparison = typeof compareQuiet;

const CONDITIONS = C0 | C2 | C3;

function conditionsOf(relation: Relation): number {
  switch (relation) {
    case Relation.Less:
      return C0;
    case Relation.Equal:
      return C3;
    case Relation.Greater:
      return 0;
    case Relation.Unordered:
      return CONDITIONS;
  }
}

/**
 * Compares ST(0) with an operand; `undefined` stands for an empty register. Then pops `pops` times, unless an
 * unmasked exception was raised; the conditions are set even then.
 */
export function compareConditions(
  unit: X87Unit,
  comparison: Comparison,
  source: Unpacked | undefined,
  pops: number,
): void {
  let relation = Relation.Unordered;
  let completes: boolean;
  if (unit.isEmpty(0) || source === undefined) {
    completes = unit.underflow();
  } else {
    relation = comparison(unit.context, unit.operand(0), source);
    completes = unit.finish();
  }
  unit.setConditions(conditionsOf(relation), CONDITIONS);
  if (!completes) return;
  for (let i = 0; i < pops; i++) unit.pop();
}

/** ST(i) for {@link compareConditions}. */
export function comparand(unit: X87Unit, i: number): Unpacked | undefined {
  return unit.isEmpty(i) ? undefined : unit.operand(i);
}

/** FCOMI, FUCOMI and their popping forms: gives ZF, PF and CF. C1 changes only for a stack fault. */
export function compareFlags(
  unit: X87Unit,
  comparison: Comparison,
  i: number,
  pops: boolean,
): number {
  let relation = Relation.Unordered;
  let completes: boolean;
  if (unit.isEmpty(0) || unit.isEmpty(i)) {
    completes = unit.underflow();
  } else {
    relation = comparison(unit.context, unit.operand(0), unit.operand(i));
    const c1 = unit.state.status & C1;
    completes = unit.finish();
    unit.setConditions(c1, C1);
  }
  if (completes && pops) unit.pop();
  return relationFlags(relation);
}

/** FTST: compares ST(0) with +0. */
export function ftst(unit: X87Unit): void {
  compareConditions(unit, compareSignalling, unpack80(0n), 0);
}

/** FXAM: classifies ST(0); C1 is its sign, even if it is empty. */
export function fxam(unit: X87Unit): void {
  const operand = unit.operand(0);
  const sign = operand.sign !== 0 ? C1 : 0;
  unit.setConditions(sign | (unit.isEmpty(0) ? C3 | C0 : classOf(operand)), CONDITIONS | C1);
}

function classOf(operand: Unpacked): number {
  switch (operand.kind) {
    case Kind.Unsupported:
      return 0;
    case Kind.Quiet:
    case Kind.Signalling:
      return C0;
    case Kind.Infinity:
      return C2 | C0;
    case Kind.Zero:
      return C3;
    case Kind.Finite:
      return operand.denormal ? C3 | C2 : C2;
  }
}

/** FCMOVcc: ST(0) = ST(i) if the condition holds. An empty register faults in either case. */
export function fcmov(unit: X87Unit, i: number, holds: boolean): void {
  if (unit.isEmpty(0) || unit.isEmpty(i)) {
    if (unit.underflow()) unit.write(0, INDEFINITE);
    return;
  }
  if (holds) unit.write(0, unit.bits(i));
}
