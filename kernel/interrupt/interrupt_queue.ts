/**
 * The part of a local APIC that queues fixed interrupts and decides which of them the processor gets.
 *
 * By the Intel SDM, volume 3A, sections "Interrupt, Task, and Processor Priority" and "Interrupt
 * Acceptance for Fixed Interrupts". The vector to deliver is worked out at every change, so that asking
 * for it costs a field's read.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { integerField, wordsField } from "./saved_fields.ts";
import { VectorSet } from "./vector_set.ts";

/** Priority class of a vector or of a priority register. */
const CLASS = 0xf0;

/** IRR, ISR, TMR and the priority registers of a local APIC. */
export class InterruptQueue {
  /** Interrupt request register: accepted, not yet delivered. */
  readonly irr = new VectorSet();
  /** In-service register: delivered, EOI outstanding. */
  readonly isr = new VectorSet();
  /** Trigger mode register: whether the vector's last request was level-triggered. */
  readonly tmr = new VectorSet();
  readonly #deliverable: () => void;
  #tpr = 0;
  #ppr = 0;
  #pending = -1;

  /** @param deliverable is called whenever {@link pending} ceases to be -1. */
  constructor(deliverable: () => void) {
    this.#deliverable = deliverable;
  }

  /** Highest requested vector if its class is above the processor's priority, or -1. */
  get pending(): number {
    return this.#pending;
  }

  /** Task priority register, 0 to 255. */
  get tpr(): number {
    return this.#tpr;
  }

  set tpr(value: number) {
    this.#tpr = value;
    this.#update();
  }

  /** Processor priority register. */
  get ppr(): number {
    return this.#ppr;
  }

  /** Arbitration priority register. */
  get apr(): number {
    const tpr = this.#tpr & CLASS;
    const request = this.irr.highest & CLASS;
    const service = this.isr.highest & CLASS;
    if (tpr >= request && tpr > service) return this.#tpr;
    return Math.max(tpr & service, request, service);
  }

  /** Queues a vector (16 to 255). A vector that is queued already stays queued once. */
  request(vector: number, level: boolean): void {
    if (level) this.tmr.add(vector);
    else if (this.tmr.has(vector)) this.tmr.delete(vector);
    this.irr.add(vector);
    if ((vector & CLASS) > (this.#ppr & CLASS)) this.#update();
  }

  /** Moves the pending vector into service and gives it, or -1 if there is none. */
  acknowledge(): number {
    const vector = this.#pending;
    if (vector < 0) return -1;
    this.irr.delete(vector);
    this.isr.add(vector);
    this.#update();
    return vector;
  }

  /** Ends the highest interrupt in service and gives its vector, or -1 if there is none. */
  end(): number {
    const vector = this.isr.highest;
    if (vector === 0) return -1;
    this.isr.delete(vector);
    this.#update();
    return vector;
  }

  reset(): void {
    this.irr.clear();
    this.isr.clear();
    this.tmr.clear();
    this.#tpr = 0;
    this.#update();
  }

  save(): StateFields {
    return { tpr: this.#tpr, irr: this.irr.save(), isr: this.isr.save(), tmr: this.tmr.save() };
  }

  /** Takes over what {@link save} gave; calls nothing back. @throws {TypeError} */
  restore(fields: StateFields): void {
    this.#tpr = integerField(fields, "tpr", 0xff);
    this.irr.restore(wordsField(fields, "irr", 8));
    this.isr.restore(wordsField(fields, "isr", 8));
    this.tmr.restore(wordsField(fields, "tmr", 8));
    this.#setPriority();
  }

  #setPriority(): void {
    const service = this.isr.highest & CLASS;
    this.#ppr = (this.#tpr & CLASS) >= service ? this.#tpr : service;
    const vector = this.irr.highest;
    this.#pending = (vector & CLASS) > (this.#ppr & CLASS) ? vector : -1;
  }

  #update(): void {
    const before = this.#pending;
    this.#setPriority();
    if (before < 0 && this.#pending >= 0) this.#deliverable();
  }
}
