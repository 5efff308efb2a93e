import { assertEquals } from "@std/assert";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import type { CompileService } from "./compile_service.ts";

/** JMP to what is behind it. */
const JUMP = [0xeb, 0x00];
const HLT = 0xf4;

Deno.test("no more is asked for than there may be regions, however long the compiler takes", () => {
  const jumps = 20_000;
  const program = Uint8Array.from([...Array.from({ length: jumps }, () => JUMP).flat(), HLT]);
  const waiting = new Set<number>();
  const never: CompileService = {
    batch: 1,
    request: (requests) => {
      for (const { slot } of requests) waiting.add(slot);
    },
    hurry: () => {},
    take: () => undefined,
  };
  const { vcpu } = longVcpu(program, 1 << 20, {
    ramSize: 2 << 20,
    compileThreshold: 1,
    compileService: () => never,
  });
  runToHalt(vcpu, 100_000);
  assertEquals(waiting.size, 1 << 14);
});
