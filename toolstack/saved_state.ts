/**
 * A domain's saved state.
 *
 * @module
 */

/** State of a domain's CPU and devices, without RAM. It is plain JSON. */
export interface SavedState {
  /** Version of this layout. */
  readonly version: number;
  /** Guest time in nanoseconds. */
  readonly time: number;
  /** State of each part in base64, by the part's name. */
  readonly parts: { readonly [part: string]: string };
}
