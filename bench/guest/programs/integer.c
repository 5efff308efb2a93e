/* Additions, shifts, logic and a conditional jump in registers. */
#include "benchmark.h"

BENCHMARK(integer) {
  uint32_t a = 1, b = 2, c = 3;
  for (uint32_t i = 0; i < 100000000; i++) {
    a += b ^ i;
    b = (b << 3) - c;
    c ^= a >> 5;
    if (c & 0x100) a -= 7;
  }
  return (uint64_t)a << 32 | (b ^ c);
}
