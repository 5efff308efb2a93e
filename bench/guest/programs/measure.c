/* A command as a benchmark: its time from fork to exit; the checksum is that of its output. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "benchmark.h"

#define OUTPUT "/tmp/output"

static const uint64_t FNV_OFFSET = 0xcbf29ce484222325;
static const uint64_t FNV_PRIME = 0x100000001b3;

static uint64_t checksum_of(int file) {
  static unsigned char buffer[65536];
  uint64_t sum = FNV_OFFSET;
  require(lseek(file, 0, SEEK_SET) == 0, "lseek");
  for (;;) {
    ssize_t length = read(file, buffer, sizeof buffer);
    require(length >= 0, "read");
    if (length == 0) return sum;
    for (ssize_t at = 0; at < length; at++) sum = (sum ^ buffer[at]) * FNV_PRIME;
  }
}

int measure_command(const char *name, const char *root, char **command) {
  int output = open(OUTPUT, O_RDWR | O_CREAT | O_TRUNC, 0600);
  require(output >= 0, OUTPUT);
  report_start(name);
  uint64_t start = now();
  pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    require(chroot(root) == 0 && chdir("/tmp") == 0, root);
    dup2(output, STDOUT_FILENO);
    execvp(command[0], command);
    require(0, command[0]);
  }
  int status;
  require(waitpid(child, &status, 0) == child, "waitpid");
  uint64_t time = now() - start;
  report_stop(name);
  if (status != 0) {
    fprintf(stderr, "%s ended with status %#x\n", name, status);
    return 1;
  }
  report_result(name, time, checksum_of(output));
  return 0;
}
