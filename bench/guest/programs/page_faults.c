/* First writes to fresh pages, which the kernel fills with zeros, and giving them back. */
#include <stddef.h>
#include <sys/mman.h>

#include "benchmark.h"

#define PAGE 4096
#define SIZE (4 << 20)

BENCHMARK(page_faults) {
  uint64_t sum = 0;
  for (int round = 0; round < 60; round++) {
    unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(memory != MAP_FAILED, "mmap");
    for (int at = 0; at < SIZE; at += PAGE) memory[at] += (unsigned char)(at / PAGE);
    for (int at = 0; at < SIZE; at += PAGE) sum += memory[at];
    require(munmap(memory, SIZE) == 0, "munmap");
  }
  return sum;
}
