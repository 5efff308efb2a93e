/**
 * What one server may do, and where its effects go: everything that a thread which receives its messages has to
 * know. It can be posted to a Worker.
 *
 * @module
 */

/** An I/O range that a server may map. */
export interface GrantedRange {
  readonly type: number;
  readonly first: number;
  readonly last: number;
  readonly posted: boolean;
}

/** What a server may do. */
export interface Grants {
  readonly name: string;
  readonly slot: number;
  /** Slot of the failed server that this one takes the place of. */
  readonly replaces?: number;
  readonly interrupts: readonly number[];
  readonly dma: boolean;
  readonly ranges: readonly GrantedRange[];
}

/** Shared memory of a domain that servers' effects go to. */
export interface DomainShare {
  readonly lines: SharedArrayBuffer;
  readonly ioMap: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  /** By vCPU. */
  readonly mailboxes: readonly SharedArrayBuffer[];
  readonly events: SharedArrayBuffer;
  /** Parts of RAM by guest-physical address, last address inclusive. */
  readonly ram: readonly { readonly first: number; readonly last: number }[];
}
