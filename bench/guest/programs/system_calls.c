/* A system call that does nothing. */
#include <sys/syscall.h>
#include <unistd.h>

#include "benchmark.h"

BENCHMARK(getpid) {
  uint64_t same = 0;
  long id = syscall(SYS_getpid);
  for (int i = 0; i < 800000; i++) same += syscall(SYS_getpid) == id;
  return same;
}
