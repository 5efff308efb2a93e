import { assertRejects } from "@std/assert";
import { ConfigurationError } from "./configuration_error.ts";
import { checkHostMemory } from "./host_memory.ts";

Deno.test("memory that the host does not have is refused with what it has", async () => {
  await checkHostMemory({ memory: 16 << 20, shareMemory: true, cpuCheck: false });
  const most = { memory: 2 ** 50, shareMemory: false, cpuCheck: false };
  await assertRejects(() => checkHostMemory(most), ConfigurationError, "1 PiB is too much");
  // The interpreter that compiled code is compared with has RAM of its own.
  const checked = { ...most, cpuCheck: true };
  await assertRejects(() => checkHostMemory(checked), ConfigurationError, "2 PiB is too much");
});
