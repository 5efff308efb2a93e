/* Goes round a ring of short blocks of code, each with a cache line of its own; ring.s has them. */
#include "benchmark.h"

uint32_t run_ring(uint32_t rounds);

BENCHMARK(ring_2000) {
  return run_ring(40000);
}
