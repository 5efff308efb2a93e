/* Sieve of Eratosthenes: strided byte stores. */
#include <string.h>

#include "benchmark.h"

#define LIMIT 2000000

static unsigned char composite[LIMIT];

BENCHMARK(sieve) {
  uint64_t sum = 0;
  for (int round = 0; round < 12; round++) {
    memset(composite, 0, sizeof composite);
    for (uint32_t i = 2; i * i < LIMIT; i++) {
      if (composite[i]) continue;
      for (uint32_t j = i * i; j < LIMIT; j += i) composite[j] = 1;
    }
    for (uint32_t i = 2; i < LIMIT; i++) sum += composite[i] ? 0 : i;
  }
  return sum;
}
