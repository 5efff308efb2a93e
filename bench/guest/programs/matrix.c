/* Product of two matrices of doubles, one scalar operation at a time. */
#include <string.h>

#include "benchmark.h"

#define N 160

static double a[N][N], b[N][N], c[N][N];

BENCHMARK(matrix) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      a[i][j] = (i * 7 + j * 3) % 11 * 0.37;
      b[i][j] = (i * 5 + j * 2) % 13 * 0.71;
    }
  }
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    }
    a[round][round] += c[round][round] * 1e-9;
  }
  uint64_t checksum = 0, bits;
  for (int i = 0; i < N; i++) {
    memcpy(&bits, &c[i][i], sizeof bits);
    checksum = checksum * 31 + bits;
  }
  return checksum;
}
