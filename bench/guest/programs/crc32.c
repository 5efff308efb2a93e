/* CRC-32 (IEEE 802.3), a table look-up for each byte. */
#include "benchmark.h"

#define SIZE 65536

static uint32_t table[256];
static unsigned char data[SIZE];

BENCHMARK(crc32) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
    table[i] = value;
  }
  uint32_t state = 1;
  for (int i = 0; i < SIZE; i++) data[i] = (unsigned char)next_random(&state);
  uint32_t crc = 0xffffffff;
  for (int round = 0; round < 1000; round++) {
    for (int i = 0; i < SIZE; i++) crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  }
  return crc;
}
