import { assertEquals } from "@std/assert";
import { encodeState } from "../kernel/abi/state.ts";
import { formatVcpu } from "./registers.ts";

Deno.test("registers of a saved vCPU are told by name, in hexadecimal", () => {
  const registers = Array.from({ length: 16 }, (_, index) => BigInt(index) - 1n);
  const state = {
    device: "vcpu",
    version: 1,
    fields: { registers, rip: 0xffff_ffff_8100_0000n, rflags: 2, cpl: 0 },
  };
  assertEquals(formatVcpu(encodeState(state).toBase64()).split("\n"), [
    "   RAX=ffffffffffffffff    RCX=0000000000000000    RDX=0000000000000001    RBX=0000000000000002",
    "   RSP=0000000000000003    RBP=0000000000000004    RSI=0000000000000005    RDI=0000000000000006",
    "    R8=0000000000000007     R9=0000000000000008    R10=0000000000000009    R11=000000000000000a",
    "   R12=000000000000000b    R13=000000000000000c    R14=000000000000000d    R15=000000000000000e",
    "   RIP=ffffffff81000000 RFLAGS=0000000000000002",
  ]);
});
