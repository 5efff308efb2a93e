/**
 * Instructions with more than one fault: which comes first, and what has changed by then.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DATA } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

const WINDOW = 0x80_0000_0000n;
const PAGE = 4096n;
const NOT_CANONICAL = 1n << 63n;
const UNTOUCHED = 0x5a5a_5a5a_5a5a_5a5an;

hostileTest(
  "a CALL to no address at all meets the fault of its stack first, and pushes nothing",
  (machine) => {
    const symbols = machine.load(`
    main: call rax
    hlt
    page_fault: mov rbx, cr2
    mov rsp, ${WINDOW + 2n * PAGE}
    call rax
    hlt
    protection: mov rdx, [rsp + 32]
    hlt`);
    // The page below is not there.
    machine.tables.map(WINDOW + PAGE, DATA);
    machine.handle(14, symbols.get("page_fault")!, true);
    machine.handle(13, symbols.get("protection")!, true);
    const last = DATA + Number(PAGE) - 8;
    machine.view.setBigUint64(last, UNTOUCHED, true);
    machine.start({ rip: symbols.get("main")!, rax: NOT_CANONICAL, rsp: WINDOW + PAGE });
    machine.finish();
    assertEquals(machine.get("rbx"), WINDOW + PAGE - 8n);
    assertEquals(machine.get("rdx"), WINDOW + 2n * PAGE);
    assertEquals(machine.view.getBigUint64(last, true), UNTOUCHED);
  },
);
