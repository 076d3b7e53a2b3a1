/* The bf16 micro-kernel of AVX512-BF16: 14 x 32 of C in 28 registers; vdpbf16ps adds the products of a pair of k to each.
 * A[ceil(k/32)][rows][32], B[k/2][32][2]. */
#include <immintrin.h>

#include "cpu.h"
#include "gemm_kernels.h"
#include "gemm_narrow.h"

namespace luthier::cpu {
namespace {

constexpr int kMostRows = 14;
constexpr int kLanes = 16;
constexpr int kPairs = 16; /* of a row that stand together in a panel of A */

template <int ROWS, int VECTORS>
void tile(int64_t k, const uint32_t *a, const uint32_t *b, float *c, int64_t ldc, bool first) {
  __m512 acc[ROWS][VECTORS];
  for (auto &line : acc)
    for (auto &v : line) v = _mm512_setzero_ps();
  if (!first) /* the tile of C by the time the sums are ready */
    for (int i = 0; i < ROWS; i++)
      for (int v = 0; v < VECTORS; v++) __builtin_prefetch(c + i * ldc + v * kLanes, 1);
  for (int64_t pairs = k / 2; pairs > 0; pairs -= kPairs) {
    const int64_t n = pairs < kPairs ? pairs : kPairs;
    for (int64_t p = 0; p < n; p++) {
      __m512bh bv[VECTORS];
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++) bv[v] = (__m512bh)_mm512_loadu_si512(b + v * kLanes);
#pragma GCC unroll 14
      for (int i = 0; i < ROWS; i++) {
        const __m512bh av = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i * kPairs + p]));
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++) acc[i][v] = _mm512_dpbf16_ps(acc[i][v], av, bv[v]);
      }
      b += VECTORS * kLanes;
    }
    a += ROWS * kPairs;
  }
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) {
      float *at = c + i * ldc + v * kLanes;
      _mm512_storeu_ps(at, first ? acc[i][v] : _mm512_add_ps(_mm512_loadu_ps(at), acc[i][v]));
    }
}

using Fn = void (*)(int64_t, const uint32_t *, const uint32_t *, float *, int64_t, bool);

template <int... ROWS>
struct Table {
  static constexpr Fn fn[][2] = {{tile<ROWS, 1>, tile<ROWS, 2>}...};
};
using Tiles = Table<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>;

void tile_any(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first) {
  Tiles::fn[rows - 1][vectors - 1](k, static_cast<const uint32_t *>(a), static_cast<const uint32_t *>(b), c, ldc, first);
}

}  // namespace

const TileKernels avx512bf16_tile = {"avx512 bf16", tile_any, true, kMostRows, 1, kLanes, 2, 2, narrow_bf16, 256};

}  // namespace luthier::cpu
