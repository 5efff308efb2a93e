/** A tar writer for tests. */

/** An entry; `type` is its typeflag. */
export interface TestTarEntry {
  readonly path: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Makes a ustar archive. */
export function makeTar(entries: readonly TestTarEntry[]): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (const { path, type, bytes } of entries) {
    const header = new Uint8Array(512);
    const text = (at: number, value: string) => header.set(new TextEncoder().encode(value), at);
    text(0, path);
    text(100, "0000644\0");
    text(124, `${bytes.length.toString(8).padStart(11, "0")}\0`);
    text(148, " ".repeat(8));
    text(156, type);
    text(257, "ustar\x0000");
    text(148, `${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `);
    const contents = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
    contents.set(bytes);
    blocks.push(header, contents);
  }
  blocks.push(new Uint8Array(1024));
  const tar = new Uint8Array(blocks.reduce((length, block) => length + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    tar.set(block, at);
    at += block.length;
  }
  return tar;
}
