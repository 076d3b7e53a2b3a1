/* Scale (and minimum) of groups of weights, kLanes groups at a time: lane g holds group g, so every sum runs over its group's elements one after
 * the other, with one rounding per operation, and the results are those of llama.cpp's scalar code (ggml-quants.c) on any processor.
 * Files that include this are compiled without contraction. */
#pragma once

#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* A group whose largest element is below this is zero. */
constexpr float kNothing = 1e-15f;

/* Nearest integer, ties to even, of |x| < 2^22; the same bits as the scalar trick for any x. */
LT_INLINE vi nearest(vf x) { return ((vi)(x + 12582912.0f) & 0x007fffff) - 0x00400000; }
LT_INLINE vi bounded(vi x, int32_t low, int32_t high) {
  x = x > high ? splat(high) : x;
  return x < low ? splat(low) : x;
}
LT_INLINE vf as_float(vi x) { return __builtin_convertvector(x, vf); }

/* x = scale (q - shift): codes follow from the multiplier that was best, not from the scale. */
struct SymmetricFit {
  vf scale;
  vf multiplier; /* q = nearest(multiplier x) + shift; 0 in a group of zeros */
  vi zero;       /* groups of zeros */
};

/* The largest element by magnitude, the first of equals, and its magnitude. */
template <int N>
LT_INLINE void extreme(const vf *x, vf &value, vf &magnitude) {
  value = magnitude = vf{};
  for (int i = 0; i < N; i++) {
    const vf a = abs(x[i]);
    const vi more = a > magnitude;
    magnitude = select(more, a, magnitude);
    value = select(more, x[i], value);
  }
}

/* Least squares with weights w over the multipliers -(shift + 0.1 s) / extreme, s = -9..9. */
template <int N>
LT_INLINE SymmetricFit fit_symmetric(const vf *x, const vf *w, int32_t shift) {
  vf value, magnitude;
  extreme<N>(x, value, magnitude);
  SymmetricFit fit;
  fit.zero = magnitude < kNothing;
  vf best = vf{};
  for (int step = 0; step < 19; step++) {
    /* First the plain one, then -9..-1 and 1..9. */
    const int s = step == 0 ? 0 : step <= 9 ? step - 10 : step - 9;
    const float numerator = s == 0 ? static_cast<float>(-shift) : -(static_cast<float>(shift) + 0.1f * static_cast<float>(s));
    const vf multiplier = numerator / value;
    vf lx = vf{}, l2 = vf{};
    for (int i = 0; i < N; i++) {
      const vf l = as_float(bounded(nearest(multiplier * x[i]), -shift, shift - 1));
      lx += w[i] * x[i] * l;
      l2 += w[i] * l * l;
    }
    if (s == 0) {
      fit.multiplier = multiplier;
      fit.scale = l2 != 0.0f ? lx / l2 : vf{};
      best = fit.scale * lx;
      continue;
    }
    const vi better = (l2 > 0.0f) & (lx * lx > best * l2);
    const vf scale = lx / l2;
    fit.multiplier = select(better, multiplier, fit.multiplier);
    fit.scale = select(better, scale, fit.scale);
    best = select(better, scale * lx, best);
  }
  fit.scale = select(fit.zero, vf{}, fit.scale);
  return fit;
}

/* Least squares with weights x^2, moving one code at a time while that helps, at most five rounds. codes: q in [-shift, shift). */
template <int N>
LT_INLINE SymmetricFit fit_by_moves(const vf *x, int32_t shift, vi *codes) {
  vf value, magnitude;
  extreme<N>(x, value, magnitude);
  SymmetricFit fit;
  fit.zero = magnitude < kNothing;
  fit.multiplier = static_cast<float>(-shift) / value;
  vf lx = vf{}, l2 = vf{};
  for (int i = 0; i < N; i++) {
    codes[i] = bounded(nearest(fit.multiplier * x[i]), -shift, shift - 1);
    const vf w = x[i] * x[i], l = as_float(codes[i]);
    lx += w * x[i] * l;
    l2 += w * l * l;
  }
  /* A round that changes nothing in a lane would change nothing again: lanes need not stop. */
  for (int round = 0; round < 5; round++) {
    vi moved = vi{};
    for (int i = 0; i < N; i++) {
      const vf w = x[i] * x[i], l = as_float(codes[i]);
      const vf rest_lx = lx - w * x[i] * l, rest_l2 = l2 - w * l * l;
      const vi code = bounded(nearest(x[i] * rest_l2 / rest_lx), -shift, shift - 1);
      const vf m = as_float(code), with_lx = rest_lx + w * x[i] * m, with_l2 = rest_l2 + w * m * m;
      const vi take = (rest_lx > 0.0f) & (code != codes[i]) & (with_l2 > 0.0f) & (with_lx * with_lx * l2 > lx * lx * with_l2);
      codes[i] = take ? code : codes[i];
      lx = select(take, with_lx, lx);
      l2 = select(take, with_l2, l2);
      moved |= take;
    }
    int32_t any[kLanes];
    store_as(any, moved);
    int32_t some = 0;
    for (int i = 0; i < kLanes; i++) some |= any[i];
    if (!some) break;
  }
  fit.scale = select(fit.zero, vf{}, l2 > 0.0f ? lx / l2 : vf{});
  return fit;
}

/* x = scale q - minimum, q >= 0, minimum >= 0. */
struct AffineFit {
  vf scale;
  vf minimum;
  vf multiplier; /* q = nearest(multiplier (x - base)) */
  vf base;
  vi flat;       /* groups of one value, whose codes are 0 */
};

/* The multipliers to try: (first + step i + MOST) / (high - low), i = 0..steps. */
struct Search {
  float first;
  float step;
  int steps;
};

/* Weighted least squares for scale and minimum at each multiplier; the error is of squares, or of magnitudes. */
template <int N, int MOST, bool MAGNITUDES>
LT_INLINE AffineFit fit_affine(const vf *x, const vf *w, Search search) {
  vf low = x[0], high = x[0], sum_w = w[0], sum_x = w[0] * x[0];
  for (int i = 1; i < N; i++) {
    low = select(x[i] < low, x[i], low);
    high = select(x[i] > high, x[i], high);
    sum_w += w[i];
    sum_x += w[i] * x[i];
  }
  low = select(low > 0.0f, vf{}, low);
  AffineFit fit;
  fit.flat = high == low;
  const vf flat_low = low;
  const auto code = [&](vf multiplier, vf base, int i) { return as_float(bounded(nearest(multiplier * (x[i] - base)), 0, MOST)); };
  const auto penalty = [](vf difference) { return MAGNITUDES ? abs(difference) : difference * difference; };
  fit.multiplier = static_cast<float>(MOST) / (high - low);
  fit.base = low;
  fit.scale = 1.0f / fit.multiplier;
  vf best = vf{};
  for (int i = 0; i < N; i++) best += w[i] * penalty(fit.scale * code(fit.multiplier, low, i) + low - x[i]);
  for (int s = 0; s <= search.steps; s++) {
    const vf multiplier = (search.first + search.step * static_cast<float>(s) + static_cast<float>(MOST)) / (high - low);
    vf codes[N], l1 = vf{}, l2 = vf{}, lx = vf{};
    for (int i = 0; i < N; i++) {
      const vf l = codes[i] = code(multiplier, low, i), wl = w[i] * l;
      l1 += wl;
      l2 += wl * l;
      lx += wl * x[i];
    }
    const vf determinant = sum_w * l2 - l1 * l1;
    vf scale = (sum_w * lx - sum_x * l1) / determinant, offset = (l2 * sum_x - l1 * lx) / determinant;
    const vi positive = offset > 0.0f;
    scale = select(positive, lx / l2, scale);
    offset = select(positive, vf{}, offset);
    vf error = vf{};
    for (int i = 0; i < N; i++) error += w[i] * penalty(scale * codes[i] + offset - x[i]);
    const vi better = (determinant > 0.0f) & (error < best);
    fit.multiplier = select(better, multiplier, fit.multiplier);
    fit.base = select(better, low, fit.base);
    fit.scale = select(better, scale, fit.scale);
    best = select(better, error, best);
    low = select(better, offset, low);
  }
  fit.scale = select(fit.flat, vf{}, fit.scale);
  fit.minimum = -select(fit.flat, flat_low, low);
  return fit;
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA
