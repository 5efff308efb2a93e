/* bench NAME runs a benchmark that is compiled in; bench NAME ROOT COMMAND... measures a command under ROOT. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "benchmark.h"

static struct benchmark *benchmarks;

void register_benchmark(struct benchmark *benchmark) {
  benchmark->next = benchmarks;
  benchmarks = benchmark;
}

void require(int success, const char *what) {
  if (success) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void report_start(const char *name) {
  printf("@start %s\n", name);
  fflush(stdout);
}

void report_stop(const char *name) {
  printf("@stop %s\n", name);
  fflush(stdout);
}

void report_result(const char *name, uint64_t nanoseconds, uint64_t checksum) {
  printf("@result %s %" PRIu64 " %016" PRIx64 "\n", name, nanoseconds, checksum);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc >= 4) return measure_command(argv[1], argv[2], argv + 3);
  const char *name = argc == 2 ? argv[1] : "";
  for (struct benchmark *benchmark = benchmarks; benchmark != NULL; benchmark = benchmark->next) {
    if (strcmp(benchmark->name, name) != 0) continue;
    report_start(name);
    uint64_t start = now();
    uint64_t checksum = benchmark->run();
    uint64_t time = now() - start;
    report_stop(name);
    report_result(name, time, checksum);
    return 0;
  }
  fprintf(stderr, "No benchmark \"%s\" is compiled in\n", name);
  return 2;
}
