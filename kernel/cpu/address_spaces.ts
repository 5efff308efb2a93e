/**
 * Which number stands for an address space in the tags of the TLBs and the jump cache.
 *
 * A number is never used for two address spaces between two flushes, so loading CR3 sweeps nothing: what must be
 * forgotten is left behind under the old number.
 *
 * @module
 */

/** Numbers that fit in a tag beside the bits for privilege; 0 stands for none. */
const NUMBERS = 512;

/** Numbers of address spaces by PCID. */
export class AddressSpaces {
  #next = 2;
  #byPcid = new Map<number, number>();
  #current = 1;

  /** `flush` forgets everything that is tagged. */
  constructor(private readonly flush: () => void) {}

  /** Number of the current address space, 1 to 511. */
  get current(): number {
    return this.#current;
  }

  /** Enters the address space of `pcid`; `keep`: what is known of it stays known. */
  enter(pcid: number, keep: boolean): void {
    const known = keep ? this.#byPcid.get(pcid) : undefined;
    this.#current = known ?? this.#fresh(pcid);
  }

  /** Forgets what is known of `pcid`, or of all. */
  forget(pcid: number | undefined, currentPcid: number): void {
    if (pcid === undefined) this.#byPcid.clear();
    else this.#byPcid.delete(pcid);
    if (pcid === undefined || pcid === currentPcid) this.#current = this.#fresh(currentPcid);
  }

  #fresh(pcid: number): number {
    if (this.#next === NUMBERS) {
      this.flush();
      this.#byPcid.clear();
      this.#next = 1;
    }
    const number = this.#next++;
    this.#byPcid.set(pcid, number);
    return number;
  }
}
