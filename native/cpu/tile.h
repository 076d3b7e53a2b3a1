/* The small matrix product inside attention: C[M, N] (+)= A[M, K] B[K, N], everything in a worker's scratch, fp32. */
#pragma once

#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* R rows by V vectors of C stay in registers while k runs; element (i, k) of A is at a[i * as + k * ak]. */
template <int R, int V>
LT_INLINE void tile_block(int64_t K, const float *a, int64_t as, int64_t ak, const float *b, int64_t bs, float *c, int64_t cs, bool add) {
  vf sum[R][V];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) sum[r][v] = add ? load(c + r * cs + v * kLanes) : vf{};
  for (int64_t k = 0; k < K; k++) {
    vf line[V];
    for (int v = 0; v < V; v++) line[v] = load(b + k * bs + v * kLanes);
    for (int r = 0; r < R; r++) {
      const vf x = splat(a[r * as + k * ak]);
      for (int v = 0; v < V; v++) sum[r][v] += x * line[v];
    }
  }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) store(c + r * cs + v * kLanes, sum[r][v]);
}

template <int V>
LT_INLINE void tile_columns(int64_t M, int64_t K, const float *a, int64_t as, int64_t ak, const float *b, int64_t bs, float *c, int64_t cs, bool add) {
  constexpr int rows = kLanes == 16 ? 6 : 4;
  int64_t i = 0;
  for (; i + rows <= M; i += rows) tile_block<rows, V>(K, a + i * as, as, ak, b, bs, c + i * cs, cs, add);
  for (; i < M; i++) tile_block<1, V>(K, a + i * as, as, ak, b, bs, c + i * cs, cs, add);
}

/* N is a multiple of kLanes. */
inline void tile_product(int64_t M, int64_t N, int64_t K, const float *a, int64_t as, int64_t ak, const float *b, int64_t bs, float *c, int64_t cs,
                         bool add) {
  constexpr int wide = kLanes == 16 ? 4 : 2;
  int64_t j = 0;
  for (; j + wide * kLanes <= N; j += wide * kLanes) tile_columns<wide>(M, K, a, as, ak, b + j, bs, c + j, cs, add);
  for (; j < N; j += kLanes) tile_columns<1>(M, K, a, as, ak, b + j, bs, c + j, cs, add);
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA
