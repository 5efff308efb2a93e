/**
 * All guests.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longExceptions } from "./long_exceptions.ts";
import { longTransfers } from "./long_transfers.ts";

export const guests: readonly Guest[] = [
  longExceptions,
  longTransfers,
];
