/**
 * Ordering of memory accesses and control of caches (SDM volume 2: CLFLUSH, LFENCE, MFENCE, MOVNTI, SFENCE).
 *
 * @module
 */

import { define } from "./definition.ts";

// Loads stay in order among themselves, and so do stores.
define({ name: "lfence", encodings: ["NP 0F AE /5 Rd"], semantics: () => {} });
define({ name: "sfence", encodings: ["NP 0F AE /7 Rd"], semantics: () => {} });
// Nothing is fetched or executed ahead of its turn. A kernel that patches itself has nothing cheaper after each place.
define({ name: "serialize", encodings: ["NP 0F 01 /E8"], semantics: () => {} });
define({ name: "mfence", encodings: ["NP 0F AE /6 Rd"], semantics: (e) => e.f.fence() });
// It faults as a load of one byte does.
define({ name: "clflush", encodings: ["NP 0F AE /7 Mb"], semantics: (e) => void e.read(0) });
define({ name: "movnti", encodings: ["NP 0F C3 /r My Gy"], semantics: (e) => e.write(0, e.read(1)) });
