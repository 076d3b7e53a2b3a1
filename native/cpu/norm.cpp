/* RMSNorm, arXiv 1910.07467: r = 1/sqrt(mean x^2 + eps), y = x r (g + offset). Forward and backward. */
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

template <class T>
void forward_row(T *y, const T *x, const float *g, int64_t cols, float offset, float eps, float *rstd) {
  vf squares[2] = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= cols; i += 2 * kLanes) {
    const vf a = load(x + i), b = load(x + i + kLanes);
    squares[0] += a * a;
    squares[1] += b * b;
  }
  for_vectors(cols - i, [&](int64_t j, int64_t n) {
    const vf a = load_n(x + i + j, n);
    squares[0] += a * a;
  });
  const float r = 1.0f / __builtin_sqrtf(sum(squares[0] + squares[1]) / static_cast<float>(cols) + eps);
  if (rstd) *rstd = r;
  for_vectors(cols, [&](int64_t j, int64_t n) { store_n(y + j, load_n(x + j, n) * r * (load_n(g + j, n) + offset), n); });
}

/* dx (mode) r (u - x r^2 mean(u x)), u = dy (g + offset). dx may be dy. */
template <class T>
void backward_row(T *dx, const T *dy, const T *x, const float *g, int64_t cols, float offset, float r, bool add) {
  vf dot = {};
  for_vectors(cols, [&](int64_t j, int64_t n) { dot += load_n(dy + j, n) * (load_n(g + j, n) + offset) * load_n(x + j, n); });
  const float c = r * r * (sum(dot) / static_cast<float>(cols));
  for_vectors(cols, [&](int64_t j, int64_t n) {
    vf d = r * (load_n(dy + j, n) * (load_n(g + j, n) + offset) - load_n(x + j, n) * c);
    if (add) d += load_n(dx + j, n);
    store_n(dx + j, d, n);
  });
}

/* dg[0, kLanes) += sum over all rows of dy x r, in fp32 over stretches of rows and fp64 over those. */
template <class T>
void gain_gradient(float *dg, const lt_tensor &dy, const lt_tensor &x, const lt_tensor &rstd, int64_t col, int64_t n) {
  constexpr int64_t stretch = 64;
  vd total = {};
  for (int64_t t = 0; t < x.rows;) {
    vf part = {};
    for (const int64_t end = t + stretch < x.rows ? t + stretch : x.rows; t < end; t++)
      part += load_n(row<const T>(dy, t) + col, n) * load_n(row<const T>(x, t) + col, n) * *row<const float>(rstd, t);
    total += __builtin_convertvector(part, vd);
  }
  store_n(dg + col, load_n(dg + col, n) + __builtin_convertvector(total, vf), n);
}

}  // namespace

void rmsnorm(Cpu &cpu, const lt_tensor &y, const lt_tensor &rstd, const lt_tensor &x, const lt_tensor &g, float offset, float eps) {
  with_type(x.dtype, [&](auto type) {
    using T = decltype(type);
    cpu.pool.parallel_chunks(x.rows, row_grain(x.cols), [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; t++)
        forward_row(row<T>(y, t), row<const T>(x, t), ptr<const float>(g.data), x.cols, offset, eps, rstd.data ? row<float>(rstd, t) : nullptr);
    });
  });
}

void drmsnorm(Cpu &cpu, const lt_tensor &dx, const lt_tensor &dg, const lt_tensor &dy, const lt_tensor &x, const lt_tensor &rstd, const lt_tensor &g,
              float offset, int32_t mode) {
  with_type(x.dtype, [&](auto type) {
    using T = decltype(type);
    /* First, since dx may be dy: columns are shared out, each sums all rows in order. */
    if (dg.data)
      cpu.pool.parallel_chunks(x.cols, kLanes, [&](int64_t begin, int64_t end, int) {
        gain_gradient<T>(ptr<float>(dg.data), dy, x, rstd, begin, end - begin);
      });
    cpu.pool.parallel_chunks(x.rows, row_grain(x.cols), [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; t++)
        backward_row(row<T>(dx, t), row<const T>(dy, t), row<const T>(x, t), ptr<const float>(g.data), x.cols, offset, *row<const float>(rstd, t),
                     mode == LT_ADD);
    });
  });
}

}  // namespace luthier::cpu::LT_ISA
