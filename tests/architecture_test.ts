import { assertEquals } from "@std/assert";
import { fromFileUrl, join, relative, resolve } from "@std/path";

const PROJECT = fromFileUrl(new URL("../", import.meta.url));

const SOURCE = /\.[jt]s$/;

/** Where modules of a folder may import from: folders, single files, and names in the import map. */
const MAY_IMPORT: readonly (readonly [folder: string, allowed: readonly string[]])[] = [
  ["kernel/abi/", ["kernel/abi/"]],
  // Diagnostics alone load it.
  ["kernel/cpu/iced_x86.js", ["npm:iced-x86@"]],
  ["kernel/", ["kernel/", "node:v8", "node:worker_threads"]],
  ["devices/", ["devices/", "kernel/abi/"]],
  ["servers/", ["servers/", "devices/", "kernel/abi/", "kernel/channel/"]],
  // The builder describes devices in ACPI tables; the supervisor starts the servers that the list names.
  ["toolstack/", [
    "toolstack/",
    "devices/",
    "kernel/abi/",
    "servers/mod.ts",
    "@std/",
    "node:",
    "xz-decompress",
  ]],
  ["cli/", ["cli/", "toolstack/", "deno.json", "@std/"]],
  ["mod.ts", ["toolstack/"]],
];

Deno.test("modules import only what their folder may", async () => {
  const violations: string[] = [];
  for (const [folder] of MAY_IMPORT) {
    for await (const path of modules(folder)) {
      // The first rule that fits a path is the one for it.
      const [rule, allowed] = MAY_IMPORT.find(([folder]) => path.startsWith(folder))!;
      if (rule !== folder) continue;
      for (const target of await imports(path)) {
        if (!allowed.some((prefix) => target.startsWith(prefix))) {
          violations.push(`${path} imports ${target}`);
        }
      }
    }
  }
  assertEquals(violations, []);
});

async function* modules(path: string): AsyncGenerator<string> {
  if (SOURCE.test(path)) {
    const isTest = /_test\.ts$|(?:^|\/)test_|(?:^|\/)testing\//.test(path);
    if (!isTest) yield path;
    return;
  }
  for await (const entry of Deno.readDir(join(PROJECT, path))) {
    if (entry.isDirectory) yield* modules(`${path}${entry.name}/`);
    else if (SOURCE.test(entry.name)) yield* modules(`${path}${entry.name}`);
  }
}

/** What a module imports: paths from the project's folder, or names as they stand. */
async function imports(path: string): Promise<string[]> {
  const source = (await Deno.readTextFile(join(PROJECT, path))).replaceAll(
    /^\s*(?:\*|\/\*\*?|\/\/).*$/gm,
    "",
  );
  const statements = source.matchAll(
    /\bfrom\s+"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"|new URL\(\s*"(\.[^"]*\.[jt]s)"/g,
  );
  return [...statements].flatMap(([, from, imported, url]) => {
    const target = from ?? imported ?? url!;
    // The kernel process is started by its URL, which is no import.
    if (url !== undefined && path.startsWith("toolstack/")) return [];
    return [target.startsWith(".") ? relative(PROJECT, resolve(PROJECT, path, "..", target)) : target];
  });
}
