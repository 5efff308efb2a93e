/**
 * How a domain ends.
 *
 * @module
 */

/**
 * Why a domain ended.
 *
 * | reason | what happened |
 * |---|---|
 * | `poweroff` | the guest powered itself off |
 * | `reset-limit` | the guest reset itself more often than allowed, or again and again without a word |
 * | `triple-fault` | the guest's CPU shut down |
 * | `panic` | the guest's Linux panicked |
 * | `destroyed` | `Domain.destroy` was called |
 * | `failed` | a process of the domain ended or misbehaved |
 */
export type DomainEndReason =
  | "poweroff"
  | "reset-limit"
  | "triple-fault"
  | "panic"
  | "destroyed"
  | "failed";

/** How a domain ended. */
export interface DomainEnd {
  /** Why it ended. */
  readonly reason: DomainEndReason;
  /** Exit code of the command line: 0 in good order, 2 if the host failed, 3 if the guest did. */
  readonly exitCode: 0 | 2 | 3;
  /** One line for people. */
  readonly detail: string;
  /** Registers of the first vCPU after a triple fault or a panic, some lines for people. */
  readonly registers?: string;
  /** What is known about a failure beyond {@link DomainEnd.detail}, some lines for people: what `cpuCheck` has found. */
  readonly details?: string;
}
