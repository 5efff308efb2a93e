/*
 * Copying and filling a MiB: with SSE2 as a C library does, and with the CPU's string instructions. The library's own
 * functions would not do the same on CPUs that have different extensions.
 */
#include <emmintrin.h>

#include "benchmark.h"

#define SIZE (1 << 20)

#ifdef __x86_64__
#define REP_MOVS "rep movsq"
#define REP_STOS "rep stosq"
#else
#define REP_MOVS "rep movsl"
#define REP_STOS "rep stosl"
#endif

static unsigned char from[SIZE] __attribute__((aligned(64))), to[SIZE] __attribute__((aligned(64)));

static uint64_t checksum(void) {
  uint64_t sum = 0;
  for (int i = 0; i < SIZE; i += 97) sum = sum * 31 + to[i];
  return sum;
}

static void fill(void) {
  uint32_t state = 1;
  for (int i = 0; i < SIZE; i++) from[i] = (unsigned char)next_random(&state);
}

BENCHMARK(stream_copy) {
  fill();
  for (int round = 0; round < 1000; round++) {
    from[round] ^= 1;
    for (int at = 0; at < SIZE; at += 64) {
      const __m128i *source = (const __m128i *)(from + at);
      __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
      __m128i c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
      __m128i *destination = (__m128i *)(to + at);
      _mm_store_si128(destination, a);
      _mm_store_si128(destination + 1, b);
      _mm_store_si128(destination + 2, c);
      _mm_store_si128(destination + 3, d);
    }
  }
  return checksum();
}

BENCHMARK(stream_fill) {
  for (int round = 0; round < 2000; round++) {
    __m128i value = _mm_set1_epi8((char)round);
    for (int at = 0; at < SIZE; at += 64) {
      __m128i *destination = (__m128i *)(to + at);
      _mm_store_si128(destination, value);
      _mm_store_si128(destination + 1, value);
      _mm_store_si128(destination + 2, value);
      _mm_store_si128(destination + 3, value);
    }
  }
  return checksum();
}

BENCHMARK(rep_movs) {
  fill();
  for (int round = 0; round < 1200; round++) {
    void *source = from, *destination = to;
    unsigned long count = SIZE / sizeof(long);
    from[round] ^= 1;
    __asm__ volatile(REP_MOVS : "+S"(source), "+D"(destination), "+c"(count)::"memory");
  }
  return checksum();
}

BENCHMARK(rep_stos) {
  for (int round = 0; round < 1200; round++) {
    void *destination = to;
    unsigned long count = SIZE / sizeof(long);
    __asm__ volatile(REP_STOS : "+D"(destination), "+c"(count) : "a"((unsigned)round * 0x1010101u) : "memory");
  }
  return checksum();
}
