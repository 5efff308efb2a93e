/* Calls through a table of 16 functions in an order that cannot be predicted. */
#include "benchmark.h"

#define FUNCTION(id, expression) \
  __attribute__((noinline)) static uint32_t f##id(uint32_t a) { return expression; }

FUNCTION(0, a + 1)
FUNCTION(1, a ^ 0x5555)
FUNCTION(2, a * 3)
FUNCTION(3, a << 1 | a >> 31)
FUNCTION(4, ~a)
FUNCTION(5, a - 77)
FUNCTION(6, a ^ a >> 3)
FUNCTION(7, a + (a << 4))
FUNCTION(8, a | 0x10)
FUNCTION(9, a & 0xfffffeff)
FUNCTION(10, -a)
FUNCTION(11, a >> 1)
FUNCTION(12, a * a)
FUNCTION(13, a ^ a << 7)
FUNCTION(14, a + 0x12345)
FUNCTION(15, a ^ 0xff00)

static uint32_t (*volatile functions[16])(uint32_t) = {
    f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
};

BENCHMARK(indirect) {
  uint32_t state = 1, a = 1;
  for (uint32_t i = 0; i < 12000000; i++) a += functions[next_random(&state) >> 7 & 15](a);
  return a;
}
