/**
 * The disassembler's WebAssembly module. TypeScript has no words for this import yet, and iced-x86's own JavaScript
 * would read the module as a file, which takes a permission that an import does not.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- The kernel process has no import map.
import source module from "npm:iced-x86@1.21.0/iced_x86_bg.wasm";

export default module;
