/* Kernels in packed SSE2: doubles, singles, and integers of several widths. */
#include <emmintrin.h>
#include <string.h>

#include "benchmark.h"

#define COUNT 4096

static double doubles[COUNT] __attribute__((aligned(16)));
static float singles[COUNT] __attribute__((aligned(16)));
static uint32_t integers[COUNT] __attribute__((aligned(16)));

static uint64_t checksum(const void *bytes, unsigned length) {
  uint64_t sum = 0, word;
  for (unsigned at = 0; at < length; at += sizeof word) {
    memcpy(&word, (const char *)bytes + at, sizeof word);
    sum = sum * 31 + word;
  }
  return sum;
}

BENCHMARK(sse_double) {
  for (int i = 0; i < COUNT; i++) doubles[i] = 1.0 + i * 0.001;
  __m128d scale = _mm_set1_pd(0.99), step = _mm_set1_pd(0.013), root = _mm_set1_pd(0);
  for (int round = 0; round < 6000; round++) {
    for (int i = 0; i < COUNT; i += 2) {
      __m128d value = _mm_load_pd(&doubles[i]);
      value = _mm_add_pd(_mm_mul_pd(value, scale), step);
      root = _mm_max_pd(root, _mm_sub_pd(value, _mm_unpacklo_pd(value, root)));
      _mm_store_pd(&doubles[i], value);
    }
  }
  _mm_store_pd(&doubles[0], _mm_sqrt_pd(_mm_div_pd(root, scale)));
  return checksum(doubles, sizeof doubles);
}

BENCHMARK(sse_single) {
  for (int i = 0; i < COUNT; i++) singles[i] = 1.0f + (float)i * 0.001f;
  __m128 scale = _mm_set1_ps(0.99f), step = _mm_set1_ps(0.013f), top = _mm_set1_ps(0);
  for (int round = 0; round < 6000; round++) {
    for (int i = 0; i < COUNT; i += 4) {
      __m128 value = _mm_load_ps(&singles[i]);
      value = _mm_add_ps(_mm_mul_ps(value, scale), step);
      top = _mm_max_ps(top, _mm_sub_ps(value, _mm_shuffle_ps(value, top, 0x4e)));
      _mm_store_ps(&singles[i], value);
    }
  }
  _mm_store_ps(&singles[0], _mm_sqrt_ps(_mm_div_ps(top, scale)));
  return checksum(singles, sizeof singles);
}

BENCHMARK(sse_integer) {
  uint32_t state = 1;
  for (int i = 0; i < COUNT; i++) integers[i] = next_random(&state);
  __m128i sum = _mm_setzero_si128(), key = _mm_set1_epi32(0x9e3779b9);
  for (int round = 0; round < 6000; round++) {
    for (int i = 0; i < COUNT; i += 4) {
      __m128i value = _mm_load_si128((const __m128i *)&integers[i]);
      __m128i mixed = _mm_xor_si128(_mm_slli_epi32(value, 5), _mm_srli_epi32(value, 27));
      mixed = _mm_add_epi32(_mm_shuffle_epi32(mixed, 0x39), key);
      sum = _mm_add_epi64(sum, _mm_sad_epu8(mixed, value));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(mixed, _mm_unpacklo_epi8(value, key)));
      sum = _mm_xor_si128(sum, _mm_and_si128(_mm_cmpgt_epi16(mixed, value), key));
      _mm_store_si128((__m128i *)&integers[i], mixed);
    }
  }
  _mm_store_si128((__m128i *)integers, sum);
  return checksum(integers, sizeof integers);
}
