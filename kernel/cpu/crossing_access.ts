/**
 * Accesses that leave their page, in generated WebAssembly: byte by byte, since each page may be RAM or a device.
 *
 * @module
 */

import { holdsCode, ramOffset } from "./page_walk.ts";
import type { MmuImports } from "./slow_access.ts";
import { i32 } from "./wasm/expression.ts";
import { type FunctionBuilder, type Local, Memory } from "./wasm/function_builder.ts";

/** Moves bytes between two pages, at guest-physical addresses `first` and `second`, and the bounce buffer. */
export class CrossingAccess {
  constructor(
    private readonly imports: MmuImports,
    private readonly ramSize: number,
    private readonly bounce: number,
  ) {}

  /** Guest-physical address of byte `index` of an access that crosses pages. */
  #byteAddress(
    f: FunctionBuilder,
    first: Local<"i64">,
    second: Local<"i64">,
    split: Local<"i32">,
    index: Local<"i32">,
  ): Local<"i64"> {
    const gpa = f.local("i64");
    f.if(
      index.ltU(split),
      () => f.set(gpa, first.add(index.extendU())),
      () => f.set(gpa, second.add(index.sub(split).extendU())),
    );
    return gpa;
  }

  #forEachByte(f: FunctionBuilder, size: Local<"i32">, body: (index: Local<"i32">) => void): void {
    const index = f.let(i32(0));
    f.loop((next) => {
      body(index);
      f.set(index, index.add(1));
      f.branchIf(index.ltU(size), next);
    });
  }

  /** Collects the bytes in the bounce buffer. */
  gather(
    f: FunctionBuilder,
    first: Local<"i64">,
    second: Local<"i64">,
    split: Local<"i32">,
    size: Local<"i32">,
  ): void {
    this.#forEachByte(f, size, (index) => {
      const gpa = this.#byteAddress(f, first, second, split, index);
      const host = ramOffset(f, gpa, this.ramSize);
      const value = f.local("i64");
      f.if(
        host.ne(-1),
        () => f.set(value, f.load(1, host, 0, Memory.Ram)),
        () => f.set(value, f.callFor("i64", this.imports.readMmio, gpa, i32(1))),
      );
      f.store(1, index.add(this.bounce), value, 0, Memory.Ram);
    });
  }

  /** Stores the bytes of the bounce buffer. */
  scatter(
    f: FunctionBuilder,
    first: Local<"i64">,
    second: Local<"i64">,
    split: Local<"i32">,
    size: Local<"i32">,
  ): void {
    this.#forEachByte(f, size, (index) => {
      const gpa = this.#byteAddress(f, first, second, split, index);
      const host = ramOffset(f, gpa, this.ramSize);
      const value = f.load(1, index.add(this.bounce), 0, Memory.Ram);
      f.if(host.ne(-1), () => {
        f.if(holdsCode(f, host), () => f.call(this.imports.codeWritten, host, i32(1)));
        f.store(1, host, value, 0, Memory.Ram);
      }, () => f.call(this.imports.writeMmio, gpa, i32(1), value));
    });
  }
}
