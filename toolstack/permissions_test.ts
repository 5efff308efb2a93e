import { assertEquals, assertThrows } from "@std/assert";
import { ConfigurationError } from "./configuration_error.ts";
import { kernelPlan, permissionFlags, type PermissionOptions } from "./permissions.ts";
import { runtimePaths } from "./runtime_directory.ts";

Deno.test("a manifest's lists become options, and what it does not name is not granted", () => {
  assertEquals(permissionFlags({}), []);
  assertEquals(permissionFlags({ read: ["/disk.img", "/cd.iso"], write: ["/disk.img"], net: [] }), [
    "--allow-read=/disk.img,/cd.iso",
    "--allow-write=/disk.img",
  ]);
});

Deno.test("a name with a comma is refused: it would grant something else", () => {
  assertThrows(() => permissionFlags({ read: ["/a,/etc"] }), ConfigurationError, "no comma");
});

Deno.test("WebAssembly's bounds are checked where there is other code than the kernel's own", () => {
  const paths = runtimePaths("atoll-1-00");
  const isChecked = (options: Partial<PermissionOptions>) =>
    !kernelPlan({ isolation: "process", shareMemory: false, paths, ...options }).flags
      .some((flag) => flag.startsWith("--v8-flags=") && flag.includes("--no-wasm-bounds-checks"));
  assertEquals(isChecked({}), false);
  assertEquals(isChecked({ isolation: "worker" }), true);
  assertEquals(isChecked({ trace: "/trace" }), true);
  assertEquals(isChecked({ cpuCheck: true }), true);
});

Deno.test("the kernel process gets FFI only where memory is shared", () => {
  const flags = (shareMemory: boolean) =>
    kernelPlan({ isolation: "process", shareMemory, paths: runtimePaths("atoll-1-00") }).flags;
  assertEquals(flags(false).filter((flag) => flag.startsWith("--allow-ffi")), []);
  assertEquals(flags(true).filter((flag) => flag.startsWith("--allow-ffi")), ["--allow-ffi"]);
});
