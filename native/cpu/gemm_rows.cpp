/* What the matrix products do along rows: values fetched for them, dot products, finished sums stored. */
#include "gemm_isa.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* Vectors of one row of weights in flight: enough chains to hide the latency of the FMA. */
template <int ROWS>
constexpr int kChains = ROWS == 1 ? 4 : ROWS <= 4 ? 2 : 1;

template <int ROWS>
LT_INLINE void dot_rows(int64_t n, const float *w, const float *x, int64_t ldx, float *sums) {
  constexpr int C = kChains<ROWS>;
  vf acc[ROWS][C] = {};
  int64_t k = 0;
  for (; k + C * kLanes <= n; k += C * kLanes)
    for (int c = 0; c < C; c++) {
      const vf v = load(w + k + c * kLanes);
      for (int i = 0; i < ROWS; i++) acc[i][c] += v * load(x + i * ldx + k + c * kLanes);
    }
  for (; k < n; k += kLanes) {
    const int64_t m = n - k < kLanes ? n - k : kLanes;
    const vf v = load_n(w + k, m);
    for (int i = 0; i < ROWS; i++) acc[i][0] += v * load_n(x + i * ldx + k, m);
  }
  for (int i = 0; i < ROWS; i++) {
    vf total = acc[i][0];
    for (int c = 1; c < C; c++) total += acc[i][c];
    sums[i] += sum(total);
  }
}

template <class T>
LT_INLINE void store_typed(const lt_tensor &y, int32_t mode, int64_t row0, int64_t col, int64_t rows, int64_t cols, const float *c, int64_t ldc,
                           float scale, const float *bias) {
  for (int64_t i = 0; i < rows; i++) {
    T *to = row<T>(y, row0 + i) + col;
    const float *from = c + i * ldc;
    for_vectors(cols, [&](int64_t j, int64_t n) {
      vf v = load_n(from + j, n) * scale;
      if (bias) v += load_n(bias + col + j, n);
      if (mode == LT_ADD) v += load_n(to + j, n);
      store_n(to + j, v, n);
    });
  }
}

}  // namespace

void dots(int64_t m, int64_t n, const float *w, const float *x, int64_t ldx, float *sums) {
  switch (m) {
    case 1: return dot_rows<1>(n, w, x, ldx, sums);
    case 2: return dot_rows<2>(n, w, x, ldx, sums);
    case 3: return dot_rows<3>(n, w, x, ldx, sums);
    case 4: return dot_rows<4>(n, w, x, ldx, sums);
    case 5: return dot_rows<5>(n, w, x, ldx, sums);
    case 6: return dot_rows<6>(n, w, x, ldx, sums);
    case 7: return dot_rows<7>(n, w, x, ldx, sums);
    case 8: return dot_rows<8>(n, w, x, ldx, sums);
    default: return;
  }
}

void fetch(const Source &s, int64_t row, int64_t col, int64_t n, float *out) {
  const int64_t done = unit_values(s.w, row, col, n, out);
  if (done < n) s.kernels->expand(s.w, row, col + done, n - done, out + done);
  if (s.scale != 1) for_vectors(n, [&](int64_t i, int64_t m) { store_n(out + i, load_n(out + i, m) * s.scale, m); });
  if (s.rounding == Rounding::bf16)
    for_vectors(n, [&](int64_t i, int64_t m) { store_n(out + i, widen(narrow(load_n(out + i, m), bf16{}), bf16{}), m); });
}

void store_block(const lt_tensor &y, int32_t mode, int64_t row, int64_t col, int64_t rows, int64_t cols, const float *c, int64_t ldc, float scale,
                 const float *bias) {
  with_type(y.dtype, [&](auto t) { store_typed<decltype(t)>(y, mode, row, col, rows, cols, c, ldc, scale, bias); });
}

void add_transposed(const lt_tensor &y, int64_t row0, int64_t col, int64_t rows, int64_t cols, const float *c, int64_t ldc, float scale) {
  for (int64_t j = 0; j < cols; j++) {
    float *to = row<float>(y, row0 + j) + col;
    for (int64_t i = 0; i < rows; i++) to[i] += scale * c[i * ldc + j];
  }
}

}  // namespace luthier::cpu::LT_ISA
