/* Two processes that take turns: over a pair of pipes, and by giving up the CPU. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "benchmark.h"

BENCHMARK(pipe) {
  int there[2], back[2];
  require(pipe(there) == 0 && pipe(back) == 0, "pipe");
  pid_t child = fork();
  require(child >= 0, "fork");
  unsigned char byte = 0;
  if (child == 0) {
    close(there[1]);
    while (read(there[0], &byte, 1) == 1) {
      byte = (unsigned char)(byte * 5 + 1);
      if (write(back[1], &byte, 1) != 1) break;
    }
    _exit(0);
  }
  uint64_t sum = 0;
  for (int i = 0; i < 10000; i++) {
    require(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    sum += byte;
  }
  close(there[1]);
  waitpid(child, NULL, 0);
  return sum;
}

BENCHMARK(yield) {
  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    for (;;) sched_yield();
  }
  uint64_t done = 0;
  for (int i = 0; i < 20000; i++) done += sched_yield() == 0;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return done;
}
