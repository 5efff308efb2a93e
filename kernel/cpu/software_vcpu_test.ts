import { assertEquals } from "@std/assert";
import { NO_DEVICES } from "../testing/no_devices.ts";
import { VcpuExit } from "../vcpu.ts";
import { createSoftwareVcpu } from "./software_vcpu.ts";
import { Gpr } from "./state.ts";

Deno.test("a step is one instruction, also behind one that writes code", () => {
  const ramSize = 2 << 20;
  const pages = ramSize / 65536 + 1;
  const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  // MOV BYTE [1020h], 90h; INC EAX; INC ECX
  new Uint8Array(ram.buffer).set(Uint8Array.fromHex("c6052010000090" + "40" + "41"), 0x1000);
  const vcpu = createSoftwareVcpu({ ram, ramSize, bus: NO_DEVICES, index: 0, stepping: true });
  vcpu.enter({ kind: "pvh", eip: 0x1000, ebx: 0 });
  const steps = [0x1007n, 0x1008n, 0x1009n].map(() => {
    assertEquals(vcpu.run(0), VcpuExit.Budget);
    return [vcpu.cpu.rip, vcpu.cpu.gpr[Gpr.RAX], vcpu.cpu.gpr[Gpr.RCX]];
  });
  assertEquals(steps, [[0x1007n, 0n, 0n], [0x1008n, 1n, 0n], [0x1009n, 1n, 1n]]);
});
