/* The fp32 micro-kernel: an outer product per step of k, the tile of C in registers.
 * avx512: 14 x 32, 28 accumulators; each step 2 loads and 14 broadcasts feed 28 FMAs. avx2 and base: 6 x 2 vectors, 12 of 16 registers. */
#include "gemm_isa.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

template <int ROWS, int VECTORS>
void tile(int64_t k, const float *a, const float *b, float *c, int64_t ldc, bool first) {
  vf acc[ROWS][VECTORS] = {};
  if (!first) /* the tile of C by the time the sums are ready */
    for (int i = 0; i < ROWS; i++)
      for (int v = 0; v < VECTORS; v++) __builtin_prefetch(c + i * ldc + v * kLanes, 1);
  for (int64_t p = 0; p < k; p++) {
    vf bv[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) bv[v] = load(b + v * kLanes);
#pragma GCC unroll 14
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++) acc[i][v] += a[i] * bv[v];
    a += ROWS;
    b += VECTORS * kLanes;
  }
#pragma GCC unroll 14
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) {
      float *at = c + i * ldc + v * kLanes;
      store(at, first ? acc[i][v] : load(at) + acc[i][v]);
    }
}

using Fn = void (*)(int64_t, const float *, const float *, float *, int64_t, bool);

template <int... ROWS>
struct Table {
  static constexpr Fn fn[][2] = {{tile<ROWS, 1>, tile<ROWS, 2>}...};
};
#if defined(__AVX512F__)
using Tiles = Table<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>;
#else
using Tiles = Table<1, 2, 3, 4, 5, 6>;
#endif

}  // namespace

void tile_plain(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first) {
  Tiles::fn[rows - 1][vectors - 1](k, static_cast<const float *>(a), static_cast<const float *>(b), c, ldc, first);
}

}  // namespace luthier::cpu::LT_ISA
