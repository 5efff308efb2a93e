/* Reads of 4 KiB each from a file in tmpfs. */
#include <fcntl.h>
#include <unistd.h>

#include "benchmark.h"

#define BLOCK 4096
#define BLOCKS 1024

static unsigned char buffer[BLOCK];

BENCHMARK(file_reads) {
  uint64_t sum = 0;
  uint32_t state = 1;
  int file = open("/dev/shm/blocks", O_RDWR | O_CREAT | O_TRUNC, 0600);
  require(file >= 0, "open");
  for (int i = 0; i < BLOCKS; i++) {
    for (int at = 0; at < BLOCK; at++) buffer[at] = (unsigned char)next_random(&state);
    require(write(file, buffer, BLOCK) == BLOCK, "write");
  }
  for (int round = 0; round < 120; round++) {
    for (int i = 0; i < BLOCKS; i++) {
      require(pread(file, buffer, BLOCK, (off_t)i * BLOCK) == BLOCK, "pread");
      sum = sum * 31 + buffer[i % BLOCK];
    }
  }
  close(file);
  unlink("/dev/shm/blocks");
  return sum;
}
