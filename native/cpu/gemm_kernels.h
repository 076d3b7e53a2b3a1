/* What one set of instructions offers to the matrix products: micro-kernels, and the packing that feeds them.
 *
 * A product C[M, N] += A[M, K] B[K, N] is cut along K into blocks of at most kBlockK. Of each block, A is packed into panels of `rows` rows
 * and B into panels of lanes * vectors columns, and a micro-kernel adds one panel by one panel to a tile of C. Two layouts of a panel's block:
 *   plain  float A[k][rows], B[k][cols]
 *   pairs  bf16 A[ceil(k/32)][rows][32], B[k/2][cols][2]: what vdpbf16ps and tdpbf16ps read, k padded with zeros to a multiple of k_step
 * Every element of C is a sum over blocks of sums over k in a fixed order, so it depends neither on M, N, the tiling nor the threads. */
#pragma once

#include <cstdint>

#include "luthier.h"

namespace luthier::cpu {

struct Kernels;

constexpr int64_t kBlockK = 512;
constexpr int64_t kMostBlockN = 256;
/* Products of no more rows than this stream the weights once and pack nothing. */
constexpr int64_t kGemvRows = 8;

/* c[rows, vectors * lanes] (= when first, else +=) a panel times b panel over k steps. */
using TileFn = void (*)(int rows, int vectors, int64_t k, const void *a, const void *b, float *c, int64_t ldc, bool first);

struct TileKernels {
  const char *name;
  TileFn tile;
  bool pairs;      /* bf16 pairs, else plain */
  int rows;        /* most rows of a panel of A */
  int row_step;    /* a panel's rows are a multiple of this */
  int lanes;       /* columns of one vector */
  int vectors;     /* most vectors of a panel of B; the last panel may have fewer */
  int k_step;      /* k is padded to a multiple of this */
  void (*narrow)(const float *x, int64_t n, uint16_t *out); /* to bf16; null: no instruction for it */
  int64_t block_n; /* columns of B packed at a time, <= kMostBlockN: kBlockK of them stay in the second-level cache */
};

/* How values enter a product. */
enum class Rounding {
  none,
  bf16 /* rounded to bf16; in the plain layout k and k + 1 trade places, which is the order in which vdpbf16ps sums a pair, so that both
          give the same bytes */
};

/* Where packed values come from and how; dense activations are a matrix too, cols being their row stride. */
struct Source {
  const Kernels *kernels; /* whose expand reads it */
  lt_matrix w;
  float scale;            /* multiplies every value */
  Rounding rounding;
};

/* One row of logits: what the loss and its gradient need of it. */
struct RowStats {
  float max, sum; /* sum_v exp(l_v - max) */
  float total;    /* sum_v l_v */
  int32_t best;   /* lowest id of the maximum */
};

/* Packing and storing, compiled for each Isa. */
struct GemmKernels {
  TileKernels plain;

  /* One panel of A for one block of K: rows [row, row + n), padded with zeros to `rows`, columns [col, col + k) of x. */
  void (*pack_rows)(const TileKernels &, const Source &x, int64_t row, int64_t n, int rows, int64_t col, int64_t k, void *out);
  /* The same of A = x^T: [row, row + n) are columns of x. */
  void (*pack_columns)(const TileKernels &, const Source &x, int64_t row, int64_t n, int rows, int64_t col, int64_t k, void *out);
  /* Panels of B = W^T for one block of K: columns [n0, n0 + n) of B are rows of w. */
  void (*pack_bt)(const TileKernels &, const Source &w, int64_t n0, int64_t n, int64_t k0, int64_t k, void *out);
  /* The same of B = W: [n0, n0 + n) are columns of w. n <= block_n */
  void (*pack_b)(const TileKernels &, const Source &w, int64_t n0, int64_t n, int64_t k0, int64_t k, void *out);

  /* y[row + i][col + j] (mode) scale * c[i][j] + bias[col + j]; bias may be null. */
  void (*store_block)(const lt_tensor &y, int32_t mode, int64_t row, int64_t col, int64_t rows, int64_t cols, const float *c, int64_t ldc, float scale,
                const float *bias);
  /* y[row + j][col + i] += scale * c[i][j], y F32 */
  void (*add_transposed)(const lt_tensor &y, int64_t row, int64_t col, int64_t rows, int64_t cols, const float *c, int64_t ldc, float scale);
  /* sums[i] += dot(x + i * ldx, w) over n, for i < m <= kGemvRows */
  void (*dots)(int64_t m, int64_t n, const float *w, const float *x, int64_t ldx, float *sums);
  /* The same for rows [row, row + n) of w, as much of their k elements as can be decoded in registers (the return value, maybe 0): row j adds
   * to sums + j * kGemvRows. paired is x as pair_up makes it. */
  int64_t (*unit_dots)(const lt_matrix &w, int64_t row, int64_t n, int64_t k, int64_t m, const float *x, const float *paired, int64_t ldx,
                       float *sums);
  /* The order in which NF4's nibbles come out: of each 32 values the 16 even ones, then the odd ones. */
  void (*pair_up)(const float *x, int64_t n, float *out);
  /* out[i] = row i of the source, rounded and scaled as it says */
  void (*fetch)(const Source &, int64_t row, int64_t col, int64_t n, float *out);

  /* Logits of one row, a piece at a time: l = cap tanh(l / cap) in place when cap is not 0; takes them into the stats (max starts at
   * -infinity, the rest at 0). first is the id of l[0]. */
  void (*scan_logits)(float *l, int64_t n, int32_t first, float cap, RowStats &);
  /* d[j] = dnll/dlogit before the cap: (exp(l - max) / sum - smoothing / V) (1 - (l/cap)^2), the label's own part left to the caller */
  void (*softmax_gradient)(float *d, const float *l, int64_t n, float cap, const RowStats &, float floor);
};

namespace base {
extern const GemmKernels gemm;
}
#if LT_HAVE_X86_ISAS
namespace avx2 {
extern const GemmKernels gemm;
}
namespace avx512 {
extern const GemmKernels gemm;
}
extern const TileKernels avx512bf16_tile;
extern const TileKernels amx_tile;
/* Asks Linux for the tiles, for the whole process. */
bool amx_allowed();
#endif

}  // namespace luthier::cpu
