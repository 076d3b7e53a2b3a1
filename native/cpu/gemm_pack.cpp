/* Packing for the matrix products: values of any type become panels in the layout of gemm_kernels.h, a block of K at a time, through a
 * stretch of rows expanded in the first-level cache. */
#include "../core/types.h"
#include "gemm_isa.h"
#include "gemm_turn.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* Rows are made plain this many columns at a time when they are turned on their side: kLanes of them stay in the first-level cache. */
constexpr int64_t kStretch = 256;
constexpr int64_t kRowsAhead = 8;
constexpr int64_t kGroup = 32; /* k of one row that stand together in a panel of pairs of A */

/* Row [col, col + n) as bf16, n <= kBlockK. */
LT_INLINE void fetch_bf16(const TileKernels &t, const Source &s, int64_t row, int64_t col, int64_t n, uint16_t *out) {
  if (s.scale == 1) {
    if (s.w.type == LT_BF16) {
      memcpy(out, ptr<const uint16_t>(s.w.data) + row * s.w.cols + col, n * sizeof(uint16_t));
      return;
    }
    const int64_t done = unit_words(s.w, row, col, n, out);
    col += done;
    out += done;
    n -= done;
  }
  alignas(64) float x[kBlockK];
  const float *from = x;
  if (s.scale == 1 && s.w.type == LT_F32) {
    from = ptr<const float>(s.w.data) + row * s.w.cols + col;
  } else {
    Source plain = s;
    plain.rounding = Rounding::none;
    fetch(plain, row, col, n, x);
  }
  if (t.narrow) return t.narrow(from, n, out);
  for_vectors(n, [&](int64_t i, int64_t m) { store_n(reinterpret_cast<bf16 *>(out) + i, load_n(from + i, m), m); });
}

/* Asks for row [col, col + n) of w before its turn comes. */
LT_INLINE void foresee(const lt_matrix &w, int64_t row, int64_t col, int64_t n) {
  if (row >= w.rows) return;
  const Type &type = kTypes[w.type];
  const char *p = ptr<const char>(w.data) + (row * w.cols + col) / type.block * type.bytes;
  for (int64_t b = 0; b < n * type.bytes / type.block; b += 64) __builtin_prefetch(p + b, 0, 2);
}

/* The place of step k of a block of n in the plain layout. */
LT_INLINE int64_t place(const Source &s, int64_t k, int64_t n) { return s.rounding == Rounding::bf16 && (k ^ 1) < n ? k ^ 1 : k; }

LT_INLINE int64_t up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

/* Swaps k and k + 1 of a row. */
void swap_pairs(float *x, int64_t n) {
  for (int64_t j = 0; j + 1 < n; j += 2) {
    const float t = x[j];
    x[j] = x[j + 1];
    x[j + 1] = t;
  }
}

/* One vector of columns from rows [row, row + m) of s: dst[k][0, width) with a step of ldd. */
void turn_plain(const Source &s, int64_t row, int64_t m, int64_t width, int64_t col, int64_t k, float *dst, int64_t ldd) {
  alignas(64) float rows[kLanes * kStretch];
  for (int64_t at = 0; at < k; at += kStretch) {
    const int64_t n = k - at < kStretch ? k - at : kStretch;
    for (int64_t i = 0; i < m; i++) {
      foresee(s.w, row + i + kLanes, col + at, n);
      fetch(s, row + i, col + at, n, rows + i * kStretch);
      if (s.rounding == Rounding::bf16) swap_pairs(rows + i * kStretch, n);
    }
    turn(reinterpret_cast<uint32_t *>(rows), kStretch, m, n, width, reinterpret_cast<uint32_t *>(dst) + at * ldd, ldd);
  }
}

/* The same in pairs: dst[k / 2][0, width), words of two bf16. */
void turn_pairs(const TileKernels &t, const Source &s, int64_t row, int64_t m, int64_t col, int64_t k, int64_t padded_k, uint32_t *dst, int64_t ldd) {
  alignas(64) uint16_t rows[kLanes * kStretch];
  for (int64_t at = 0; at < padded_k; at += kStretch) {
    const int64_t n = k - at < kStretch ? k - at : kStretch, padded_n = padded_k - at < kStretch ? padded_k - at : kStretch;
    for (int64_t i = 0; i < m; i++) {
      foresee(s.w, row + i + kLanes, col + at, n);
      fetch_bf16(t, s, row + i, col + at, n, rows + i * kStretch);
      for (int64_t j = n; j < padded_n; j++) rows[i * kStretch + j] = 0;
    }
    turn(reinterpret_cast<uint32_t *>(rows), kStretch / 2, m, padded_n / 2, kLanes, dst + at / 2 * ldd, ldd);
  }
}

}  // namespace

void pack_rows(const TileKernels &t, const Source &x, int64_t row, int64_t n, int rows, int64_t col, int64_t k, void *out) {
  if (!t.pairs) {
    float *dst = static_cast<float *>(out);
    for (int64_t i = 0; i < rows; i += kLanes) {
      const int64_t width = rows - i < kLanes ? rows - i : kLanes, m = n - i < width ? (n > i ? n - i : 0) : width;
      turn_plain(x, row + i, m, width, col, k, dst + i, rows);
    }
    return;
  }
  uint16_t *dst = static_cast<uint16_t *>(out);
  uint16_t line[kBlockK];
  const int64_t groups = up(k, kGroup) / kGroup;
  for (int64_t i = 0; i < rows; i++) {
    if (i < n) {
      fetch_bf16(t, x, row + i, col, k, line);
      for (int64_t j = k; j < groups * kGroup; j++) line[j] = 0;
    } else if (i == n) {
      memset(line, 0, sizeof line);
    }
    for (int64_t g = 0; g < groups; g++) memcpy(dst + (g * rows + i) * kGroup, line + g * kGroup, kGroup * 2);
  }
}

void pack_columns(const TileKernels &t, const Source &x, int64_t row, int64_t n, int rows, int64_t col, int64_t k, void *out) {
  if (!t.pairs) {
    float *dst = static_cast<float *>(out);
    for (int64_t p = 0; p < k; p++) {
      float *line = dst + place(x, p, k) * rows;
      fetch(x, col + p, row, n, line);
      for (int64_t i = n; i < rows; i++) line[i] = 0;
    }
    return;
  }
  uint16_t *dst = static_cast<uint16_t *>(out);
  uint16_t line[64];
  memset(dst, 0, up(k, kGroup) * rows * 2);
  for (int64_t p = 0; p < k; p++) {
    fetch_bf16(t, x, col + p, row, n, line);
    uint16_t *at = dst + p / kGroup * rows * kGroup + p % kGroup;
    for (int64_t i = 0; i < n; i++) at[i * kGroup] = line[i];
  }
}

void pack_bt(const TileKernels &t, const Source &w, int64_t n0, int64_t n, int64_t k0, int64_t k, void *out) {
  const int64_t padded_k = up(k, t.k_step), cols = t.lanes * t.vectors;
  float *panel = static_cast<float *>(out); /* a pair is as large as a float */
  for (int64_t j = 0; j < n; j += cols) {
    const int64_t width = n - j < cols ? up(n - j, t.lanes) : cols;
    for (int64_t i = 0; i < width; i += kLanes) {
      const int64_t m = n - j - i < kLanes ? (n > j + i ? n - j - i : 0) : kLanes;
      if (t.pairs)
        turn_pairs(t, w, n0 + j + i, m, k0, k, padded_k, reinterpret_cast<uint32_t *>(panel + i), width);
      else
        turn_plain(w, n0 + j + i, m, kLanes, k0, k, panel + i, width);
    }
    panel += (t.pairs ? padded_k / 2 : k) * width;
  }
}

void pack_b(const TileKernels &t, const Source &w, int64_t n0, int64_t n, int64_t k0, int64_t k, void *out) {
  const int64_t padded_k = up(k, t.k_step), cols = t.lanes * t.vectors, padded_n = up(n, t.lanes);
  const int64_t steps = t.pairs ? padded_k / 2 : k;
  float *first = static_cast<float *>(out);
  alignas(64) float even[kMostBlockN];
  if (!t.pairs) {
    for (int64_t p = 0; p < k; p++) {
      foresee(w.w, k0 + p + kRowsAhead, n0, n);
      fetch(w, k0 + p, n0, n, even);
      for (int64_t j = n; j < padded_n; j++) even[j] = 0;
      for (int64_t j = 0; j < padded_n; j += cols) {
        const int64_t width = padded_n - j < cols ? padded_n - j : cols;
        float *line = first + j * steps + place(w, p, k) * width;
        for (int64_t v = 0; v < width; v += kLanes) store(line + v, load(even + j + v));
      }
    }
    return;
  }
  alignas(64) uint16_t low[kMostBlockN], high[kMostBlockN];
  const auto half = [&](int64_t p, uint16_t *line) {
    foresee(w.w, k0 + p + kRowsAhead, n0, n);
    if (p < k) fetch_bf16(t, w, k0 + p, n0, n, line);
    for (int64_t j = p < k ? n : 0; j < padded_n; j++) line[j] = 0;
  };
  for (int64_t p = 0; p < padded_k; p += 2) {
    half(p, low);
    half(p + 1, high);
    for (int64_t j = 0; j < padded_n; j += cols) {
      const int64_t width = padded_n - j < cols ? padded_n - j : cols;
      uint32_t *line = reinterpret_cast<uint32_t *>(first) + j * steps + p / 2 * width;
      for (int64_t v = 0; v < width; v++) line[v] = low[j + v] | static_cast<uint32_t>(high[j + v]) << 16;
    }
  }
}

}  // namespace luthier::cpu::LT_ISA
