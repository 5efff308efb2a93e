import { assertRejects } from "@std/assert";
import { ConfigurationError } from "./configuration_error.ts";
import { checkHostMemory } from "./host_memory.ts";

Deno.test("memory that the host does not have is refused with what it has", async () => {
  await checkHostMemory(16 << 20, true);
  await assertRejects(() => checkHostMemory(2 ** 50, false), ConfigurationError, "1 PiB is too much");
});
