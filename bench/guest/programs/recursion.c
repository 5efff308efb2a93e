/* Fibonacci numbers by recursive calls. */
#include "benchmark.h"

__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static uint32_t fibonacci(uint32_t n) {
  if (n < 2) return n;
  uint32_t first = fibonacci(n - 1);
  __asm__ volatile("" : "+r"(first));
  return first + fibonacci(n - 2);
}

BENCHMARK(recursion) {
  return fibonacci(35);
}
