/* Direct calls of small functions, three deep, and their returns. */
#include "benchmark.h"

#define FUNCTION __attribute__((noinline, noclone)) static uint32_t

FUNCTION leaf(uint32_t a, uint32_t b) {
  return a * 3 + b;
}

FUNCTION middle(uint32_t a, uint32_t b) {
  return leaf(a, b) ^ leaf(b, a);
}

FUNCTION top(uint32_t a, uint32_t b) {
  return middle(a + 1, b) + middle(b, a + 2);
}

BENCHMARK(calls) {
  uint32_t a = 1, b = 2;
  for (uint32_t i = 0; i < 6000000; i++) {
    a = top(a, b);
    b += a ^ i;
  }
  return (uint64_t)a << 32 | b;
}
