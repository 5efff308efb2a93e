/* Making and ending processes. */
#include <sys/wait.h>
#include <unistd.h>

#include "benchmark.h"

static int wait_for(pid_t child) {
  int status;
  require(child > 0, "fork");
  require(waitpid(child, &status, 0) == child, "waitpid");
  return status;
}

BENCHMARK(fork) {
  uint64_t ended = 0;
  for (int i = 0; i < 500; i++) {
    pid_t child = fork();
    if (child == 0) _exit(i & 7);
    ended += (uint64_t)WEXITSTATUS(wait_for(child));
  }
  return ended;
}

BENCHMARK(exec) {
  uint64_t ended = 0;
  for (int i = 0; i < 200; i++) {
    pid_t child = fork();
    if (child == 0) {
      execl("/bin/busybox", "false", (char *)NULL);
      _exit(127);
    }
    ended += (uint64_t)WEXITSTATUS(wait_for(child));
  }
  return ended;
}
