/* The matrix products' engine: packed panels, cache blocks, threads. matmul.cpp, lora.cpp and head_loss.cpp are written on it. */
#pragma once

#include <cstdint>

#include "cpu.h"
#include "gemm_kernels.h"

namespace luthier::cpu {

/* A walk that only counts what a carver gives away, and what it came to. */
inline Carver counting() { return {reinterpret_cast<char *>(kCacheLine)}; }
inline int64_t counted(const Carver &c) { return reinterpret_cast<int64_t>(c.at) - kCacheLine; }

/* A tensor as a matrix whose cols are the row stride. */
lt_matrix as_matrix(const lt_tensor &);

/* Operand A, packed. */
struct PackedA {
  char *data;
  int64_t m, k;        /* as in the product */
  int64_t block_k;     /* k of a block; the last may have fewer */
  int rows;            /* of a panel */
  int64_t panels;
  int64_t panel_bytes; /* of a panel of a block */
  char *at(int64_t block, int64_t panel) const { return data + (block * panels + panel) * panel_bytes; }
  int64_t blocks() const { return (k + block_k - 1) / block_k; }
  int64_t padded_m() const { return panels * rows; }
  int64_t bytes() const { return panel_bytes * panels * blocks(); }
};

/* One term of a sum of products: A B with B = b^T (forward) or B = b. */
struct Term {
  PackedA a;
  lt_matrix b;
  bool transposed;
};

/* Rows [row, ...) of a product, up to the next part's, belong to y. */
struct Part {
  lt_tensor y;
  int64_t row;
};

/* Where a finished product goes: y[row + i][j] (mode) scale * c[i][j] + bias[j]. */
struct Out {
  lt_tensor y;
  int32_t mode = LT_SET;
  int64_t row = 0;
  float scale = 1;
  const float *bias = nullptr;  /* [N] */
  bool transposed = false;      /* y F32 [N, M]: y[j][i] += scale * c[i][j] */
  const Part *parts = nullptr;  /* instead of y: the rows of c shared out */
  int part_count = 0;
};

/* The sum of up to two terms, [M, N]. With `sums`, padded_m * up(n, lanes) floats, the sum is carried from call to call: it starts where
 * `first` is set and is delivered where `last` is. */
struct Product {
  int64_t n;
  Term terms[2];
  int count;
  Out out;
  float *sums = nullptr;
  bool first = true, last = true;
};

class Gemm {
 public:
  Gemm(const Cpu &, int32_t precision);
  Gemm(const Cpu &, const TileKernels &, Rounding);

  const TileKernels &tile() const { return tile_; }
  const GemmKernels &kernels() const { return kernels_; }
  Source source(const lt_matrix &w, float scale = 1) const;

  /* The shape of a packed operand at `data`; fewer rows never take more bytes. */
  PackedA shape(char *data, int64_t m, int64_t k) const;
  /* The same with its bytes taken from the carver. */
  PackedA lay(Carver &, int64_t m, int64_t k) const;
  /* Fills it with rows [row, row + m) of x times scale, or, of_columns, with x^T: columns [row, row + m) of x. */
  void pack(Pool &, const PackedA &, const lt_matrix &x, int64_t row, float scale, bool of_columns = false) const;
  /* A panel of a block of an operand, on this thread. */
  void pack_panel(const PackedA &, int64_t block, int64_t panel, const lt_matrix &x, int64_t row, int64_t n, int64_t col) const;
  /* x times scale as the operand of dot products: [T, cols] in order and once more as pair_up gives it, dots_size(T, cols) floats. */
  static int64_t dots_size(int64_t t, int64_t k) { return 2 * t * k; }
  void fetch_rows(Pool &, const lt_tensor &x, float scale, float *out) const;
  /* Takes every worker's buffers from the carver. m: most rows of a product. */
  void lay_workers(Carver &, int threads, int64_t m);
  /* Rows of y done at a time, so that what is packed stays small: a function of the width alone. */
  static constexpr int64_t kOperand = 8 << 20; /* elements of a packed operand, about */
  static int64_t row_block(int64_t t, int64_t width);
  int64_t sums_size(const PackedA &a, int64_t n) const;
  /* The shape of logits [m, v] that become a packed operand in place, so with room for floats. */
  PackedA logits_shape(char *data, int64_t m, int64_t v) const;

  void run(Pool &, const Product *, int count) const;

  /* c = A b^T; element (i, j) of a panel of a block of c is float i * block_k + j of it. */
  void run_blocked(Pool &, const PackedA &c, const PackedA &a, const lt_matrix &b) const;

 private:
  void terms(const Term *, int count, int64_t n0, int64_t n1, int64_t panel0, int64_t panel1, float *c, int64_t panel_stride, int64_t ldc, bool first,
             int worker) const;

  const Kernels &expand_;
  const GemmKernels &kernels_;
  const TileKernels &tile_;
  Rounding rounding_;
  Carver workers_{nullptr};
  int64_t worker_bytes_ = 0, b_bytes_ = 0;
};

/* Products of few rows (m <= kGemvRows) as dot products along the rows of the weights. */
struct DotTerm {
  const float *x; /* as Gemm::fetch_rows made it of [m, k] */
  int64_t k;
  lt_matrix w;    /* [n, k] */
};
struct Dots {
  int64_t m, n;
  DotTerm terms[2];
  int count;
  Out out;
};
void run_dots(Pool &, const Gemm &, const Dots *, int count);

}  // namespace luthier::cpu
