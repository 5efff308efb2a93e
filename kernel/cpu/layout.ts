/**
 * Where the engine's own tables lie in its memory (memory 0), beside the state of `state.ts`.
 *
 * @module
 */

/** Tables of the CRC32 instruction: eight of 1 KiB, computed when it is first executed. */
export const CRC32C_TABLES = 0x2000;

/** Vectors of floats: see `float_constants.ts`. */
export const FLOAT_CONSTANTS = 0x4000;

/**
 * Entries of the TLBs that an address space must not leave to the next, though no number in their tags tells them apart:
 * where they lie, i32 each.
 */
export const PRIVATE_ENTRIES = 0x8000;
export const MOST_PRIVATE = 256;

/**
 * Entries of each software TLB. Direct-mapped by page number. An entry is 16 bytes: tag i64 (page address | context, or
 * -1), then what is added to the low 32 bits of a linear address to give the offset in RAM memory, i32.
 */
export const TLB_ENTRIES = 4096;
export const TLB_ENTRY_SIZE = 16;
const TLB_SIZE = TLB_ENTRIES * TLB_ENTRY_SIZE;

/** Pages that may be read. */
export const READ_TLB = 0x10000;
/** Pages that may be written, are dirty already, and hold no decoded code. */
export const WRITE_TLB = READ_TLB + TLB_SIZE;
/** Pages that code was fetched from, and that compiled code may go on in. */
export const FETCH_TLB = WRITE_TLB + TLB_SIZE;
/**
 * Which large pages have been translated, a byte each: 2 MiB regions by their number modulo 4096, then 1 GiB regions
 * likewise. Where it is not zero, INVLPG has two to its power entries to look for.
 */
export const LARGE_REGIONS = FETCH_TLB + TLB_SIZE;
export const LARGE_REGIONS_COUNT = 4096;

/**
 * Jump cache: linear address -> record. Groups by page, as large as pages, so that a page's entries lie together and its
 * address, cut, is where they do: at the address XOR 16 times the same, to tell bytes apart, in the group.
 * An entry is 16 bytes: tag i64 (address XOR `JUMP_CONTEXT`), record i32, compiled region i32 (0: none). What another
 * address drives out of its place moves to one of its neighbours, whose numbers differ in the lowest two bits.
 */
export const JUMP_CACHE = LARGE_REGIONS + 2 * LARGE_REGIONS_COUNT;
export const JUMP_GROUP_SIZE = 4096;
export const JUMP_ENTRY_SIZE = 16;
/** Entries that an address may be in: a line of the host's cache. */
export const JUMP_NEIGHBOURS = 4;
export const JUMP_CACHE_SIZE = 256 * JUMP_GROUP_SIZE;

/**
 * Where calls return to that the interpreter has made: entries as in the jump cache, but without a region, that fit into
 * the host's first cache.
 */
export const RETURN_CACHE = JUMP_CACHE + JUMP_CACHE_SIZE;
export const RETURN_CACHE_SIZE = 256 * JUMP_ENTRY_SIZE;

/**
 * A byte for each 4 KiB page of RAM memory: nonzero while it holds decoded code.
 */
export const CODE_PAGES = RETURN_CACHE + RETURN_CACHE_SIZE;
export const CODE_PAGES_SIZE = 1 << 20;

/** For each page of RAM memory 64 bits: which 64-byte pieces of it hold decoded code. */
export const CODE_PIECES = CODE_PAGES + CODE_PAGES_SIZE;
export const CODE_PIECES_SIZE = (1 << 20) * 8;

/** A byte for each 4 KiB page of RAM memory: nonzero if the write TLB may have entries that lead to it. */
export const WRITABLE_PAGES = CODE_PIECES + CODE_PIECES_SIZE;
export const WRITABLE_PAGES_SIZE = 1 << 20;

/**
 * A byte for each page of linear addresses, by its number modulo their count: nonzero once code has been fetched there.
 * Only such pages can have jumps and returns that INVLPG has to forget.
 */
export const FETCHED_PAGES = WRITABLE_PAGES + WRITABLE_PAGES_SIZE;
export const FETCHED_PAGES_COUNT = 1 << 16;

/**
 * Exits of compiled regions, 8 bytes each: the function in the table of regions that execution goes on with, i32, and
 * the record that stands there, i32. Number 0 is no exit.
 */
export const EXITS = FETCHED_PAGES + FETCHED_PAGES_COUNT;
export const EXIT_SIZE = 8;
export const EXIT_COUNT = 1 << 22;

/** For each entry of the table of regions, how often the region has left an access to the interpreter: i32. */
export const REGION_UNKNOWN = EXITS + EXIT_COUNT * EXIT_SIZE;
export const REGION_SLOTS = 1 << 16;

/** Most bytes of decoded records before everything decoded is dropped: about three million instructions. */
export const RECORDS_SIZE = 48 << 20;
/** Bytes of a record, as a power of two: see `interpreter/record.ts`. */
export const RECORD_SHIFT = 4;
export const RECORD_SIZE = 1 << RECORD_SHIFT;
const RECORD_COUNT = RECORDS_SIZE / RECORD_SIZE;

/** Slots of the index of records, i32 each, a power of two: see `interpreter/record_index.ts`. */
export const RECORD_SLOTS = REGION_UNKNOWN + REGION_SLOTS * 4;
export const RECORD_SLOT_COUNT = 1 << Math.ceil(Math.log2(RECORD_COUNT * 4 / 3));

/** Where the instruction of each record lies, i32. */
export const RECORD_HOMES = RECORD_SLOTS + RECORD_SLOT_COUNT * 4;

/** Decoded records. */
export const RECORDS = RECORD_HOMES + RECORD_COUNT * 4;

/** Pages of 64 KiB of the engine's memory. The host gives them when they are first touched. */
export const ENGINE_PAGES = Math.ceil((RECORDS + RECORDS_SIZE) / 65536);

/** Bytes of one vCPU's bounce buffer. */
export const BOUNCE_PER_VCPU = 1024;

/** From a bounce buffer to bytes of RAM memory behind all of the guest's that nothing else uses. */
export const UNUSED = 48 << 10;
export const UNUSED_SIZE = 2 << 12;
