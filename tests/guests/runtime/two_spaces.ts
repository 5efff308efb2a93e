/**
 * Two address spaces of long mode, A and B, that differ in the pages at WINDOW alone.
 *
 * @module
 */

/** Where their tables lie. A's are the guest's own, and one more directory. */
export const TWO_SPACES = `
PML4_B = 0x220000
PDPT_B = 0x221000
PD_WINDOW_A = 0x210000
PT_WINDOW_A = 0x211000
PD_WINDOW_B = 0x222000
PT_WINDOW_B = 0x223000
WINDOW = 0x40000000
`;

/** Statements that link the tables, but for the entries of `PT_WINDOW_A` and `PT_WINDOW_B`. */
export const LINK_TWO_SPACES = `
  mov dword [PDPT + 8], PD_WINDOW_A + 7
  mov qword [PD_WINDOW_A], PT_WINDOW_A + 7
  mov qword [PML4_B], PDPT_B + 7
  mov qword [PDPT_B], PD + 7
  mov qword [PDPT_B + 8], PD_WINDOW_B + 7
  mov qword [PD_WINDOW_B], PT_WINDOW_B + 7
`;
