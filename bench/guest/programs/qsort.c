/* The C library's qsort with a function that compares. */
#include <stdlib.h>

#include "benchmark.h"

#define COUNT 200000

static uint32_t numbers[COUNT];

static int compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

BENCHMARK(qsort) {
  uint32_t state = 1;
  uint64_t sum = 0;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < COUNT; i++) numbers[i] = next_random(&state);
    qsort(numbers, COUNT, sizeof numbers[0], compare);
    for (int i = 0; i < COUNT; i++) sum = sum * 31 + numbers[i];
  }
  return sum;
}
