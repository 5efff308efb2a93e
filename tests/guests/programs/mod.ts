/**
 * All guests.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longAddressSpaces } from "./long_address_spaces.ts";
import { longAlignment } from "./long_alignment.ts";
import { longDebug } from "./long_debug.ts";
import { longDebugExact } from "./long_debug_exact.ts";
import { longExceptions } from "./long_exceptions.ts";
import { longGates } from "./long_gates.ts";
import { longGlobalPages } from "./long_global_pages.ts";
import { longInterrupts } from "./long_interrupts.ts";
import { longPaging } from "./long_paging.ts";
import { longRegisters } from "./long_registers.ts";
import { longSelfModifying } from "./long_self_modifying.ts";
import { longStateArea } from "./long_state_area.ts";
import { longTransfers } from "./long_transfers.ts";
import { protectedAlignment } from "./protected_alignment.ts";
import { protectedFlat } from "./protected_flat.ts";
import { protectedGates } from "./protected_gates.ts";
import { protectedLegacy } from "./protected_legacy.ts";
import { protectedLimits } from "./protected_limits.ts";
import { protectedPaging } from "./protected_paging.ts";
import { protectedPointers } from "./protected_pointers.ts";
import { protectedSegments } from "./protected_segments.ts";
import { protectedTasks } from "./protected_tasks.ts";
import { realMode } from "./real_mode.ts";
import { tripleFaults } from "./triple_faults.ts";

export const guests: readonly Guest[] = [
  longAddressSpaces,
  longAlignment,
  longDebug,
  longDebugExact,
  longExceptions,
  longGates,
  longGlobalPages,
  longInterrupts,
  longPaging,
  longRegisters,
  longSelfModifying,
  longStateArea,
  longTransfers,
  protectedAlignment,
  protectedFlat,
  protectedGates,
  protectedLegacy,
  protectedLimits,
  protectedPaging,
  protectedPointers,
  protectedSegments,
  protectedTasks,
  realMode,
  ...tripleFaults,
];
