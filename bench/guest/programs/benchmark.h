/* What every benchmark program has: a name, and a function that does the work and gives a checksum of it. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include <stdint.h>

struct benchmark {
  const char *name;
  uint64_t (*run)(void);
  struct benchmark *next;
};

void register_benchmark(struct benchmark *benchmark);

/* Ends the program with the reason of the last system call that failed. */
void require(int success, const char *what);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now(void);

/* Tells the host that a measurement starts, that it ends, and what it gave. */
void report_start(const char *name);
void report_stop(const char *name);
void report_result(const char *name, uint64_t nanoseconds, uint64_t checksum);

/* Runs a command and measures it as a whole. */
int measure_command(const char *name, const char *root, char **command);

/* Numbers without an order that a compiler or a branch predictor could see. */
static inline uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

#define BENCHMARK(id)                                                  \
  static uint64_t run_##id(void);                                      \
  static struct benchmark entry_##id = {#id, run_##id, 0};             \
  __attribute__((constructor)) static void register_##id(void) {       \
    register_benchmark(&entry_##id);                                   \
  }                                                                    \
  static uint64_t run_##id(void)

#endif
