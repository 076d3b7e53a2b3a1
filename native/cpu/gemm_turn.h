/* Turning a matrix of 32-bit words on its side in registers, for the packing of the matrix products. */
#pragma once

#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* Of the rows i and i + BY, for all i without bit BY: trades the off-diagonal blocks of BY x BY. */
template <int BY>
LT_INLINE void swap_blocks(vu (&r)[kLanes]) {
  vi low, high;
  for (int l = 0; l < kLanes; l++) {
    low[l] = l & BY ? kLanes + l - BY : l;
    high[l] = l & BY ? kLanes + l : l + BY;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    if (i & BY) continue;
    const vu a = r[i], b = r[i + BY];
    r[i] = __builtin_shuffle(a, b, low);
    r[i + BY] = __builtin_shuffle(a, b, high);
  }
}

/* The first n lanes go to p. */
LT_INLINE void store_first(uint32_t *p, vu v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << n) - 1), (__m512i)v);
#else
  memcpy(p, &v, n * sizeof(uint32_t));
#endif
}

/* dst[j][i] = src[i][j] for kLanes columns of m <= kLanes rows (Eklundh 1972); columns [m, width) of dst become 0. */
LT_INLINE void turn_square(const uint32_t *src, int64_t lds, int64_t m, int64_t width, uint32_t *dst, int64_t ldd) {
  vu r[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) r[i] = i < m ? load_as<vu>(src + i * lds) : vu{};
  swap_blocks<1>(r);
  swap_blocks<2>(r);
#if defined(__AVX2__)
  swap_blocks<4>(r);
#endif
#if defined(__AVX512F__)
  swap_blocks<8>(r);
#endif
  if (width == kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) store_as(dst + i * ldd, r[i]);
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) store_first(dst + i * ldd, r[i], width);
  }
}

/* dst[j][i] = src[i][j], i < m <= kLanes, j < n; columns [m, width) of dst become 0, width <= kLanes. */
LT_INLINE void turn(const uint32_t *src, int64_t lds, int64_t m, int64_t n, int64_t width, uint32_t *dst, int64_t ldd) {
  int64_t j = 0;
  if (m == kLanes)
    for (; j + kLanes <= n; j += kLanes) turn_square(src + j, lds, kLanes, kLanes, dst + j * ldd, ldd);
  else
    for (; j + kLanes <= n; j += kLanes) turn_square(src + j, lds, m, width, dst + j * ldd, ldd);
  for (; j < n; j++) {
    int64_t i = 0;
    for (; i < m; i++) dst[j * ldd + i] = src[i * lds + j];
    for (; i < width; i++) dst[j * ldd + i] = 0;
  }
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA
