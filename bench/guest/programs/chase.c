/* Loads each of whose address the one before gives: in 128 KiB, and in 32 MiB, more than a TLB covers. */
#include <stdlib.h>

#include "benchmark.h"

/* A node fills a cache line. */
struct node {
  struct node *next;
  uint32_t value;
  char padding[64 - sizeof(void *) - sizeof(uint32_t)];
};

static uint64_t chase(uint32_t count, uint32_t steps) {
  struct node *nodes = malloc(count * sizeof *nodes);
  uint32_t *order = malloc(count * sizeof *order);
  require(nodes != NULL && order != NULL, "malloc");
  uint32_t state = 1;
  for (uint32_t i = 0; i < count; i++) order[i] = i;
  for (uint32_t i = count - 1; i > 0; i--) {
    uint32_t other = next_random(&state) % (i + 1), kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  for (uint32_t i = 0; i < count; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % count]];
    nodes[order[i]].value = i;
  }
  uint64_t sum = 0;
  struct node *node = nodes;
  for (uint32_t i = 0; i < steps; i++) {
    sum += node->value;
    node = node->next;
  }
  free(nodes);
  free(order);
  return sum;
}

BENCHMARK(chase) {
  return chase(2048, 60000000);
}

BENCHMARK(chase_32m) {
  return chase(1 << 19, 4000000);
}
