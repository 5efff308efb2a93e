/* Multiplication and division of 64-bit numbers; on a 32-bit CPU they are made of smaller ones. */
#include "benchmark.h"

BENCHMARK(multiply) {
  uint64_t a = 0x9e3779b97f4a7c15, sum = 0;
  for (uint32_t i = 0; i < 200000000; i++) {
    a = a * 6364136223846793005u + 1442695040888963407u;
#ifdef __x86_64__
    unsigned __int128 product = (unsigned __int128)a * (a ^ sum);
    sum += (uint64_t)(product >> 64) ^ (uint64_t)product;
#else
    sum += (a >> 32) * (uint32_t)(a ^ sum);
#endif
  }
  return sum;
}

BENCHMARK(divide) {
  uint64_t a = 0x9e3779b97f4a7c15, sum = 0;
  for (uint32_t i = 0; i < 50000000; i++) {
    a = a * 6364136223846793005u + 1442695040888963407u;
    uint64_t divisor = (a >> 40) + 3;
    sum += a / divisor ^ a % divisor;
  }
  return sum;
}
