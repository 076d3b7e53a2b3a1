/* The searches behind llama.cpp's k-quants and its quantizers with importance: the scale (and minimum) with which a group of N values errs
 * least once its codes are rounded, by weighted least squares over a few tries. Every sum runs in the order of the elements and every
 * operation rounds once, as there; to be fast all the same, each lane of a vector works on a group of its own. V is such a vector, or float
 * for a single group. */
#pragma once

#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* A group whose values are all smaller is one of zeros. */
constexpr float kZeroGroup = 1e-15f;

/* The nearest integer of a number below 2^22, half to even: adding 1.5 * 2^23 leaves it in the mantissa. Larger numbers and NaN give some
 * integer of 23 bits. */
LT_INLINE vi nearest(vf v) { return ((vi)(v + 12582912.0f) & 0x7fffff) - 0x400000; }
LT_INLINE int32_t nearest(float v) {
  const float sum = v + 12582912.0f;
  int32_t bits;
  memcpy(&bits, &sum, 4);
  return (bits & 0x7fffff) - 0x400000;
}

template <class I>
LT_INLINE I clamp(I v, int32_t least, int32_t most) {
  v = v < most ? v : I{} + most;
  return v > least ? v : I{} + least;
}

LT_INLINE vf real(vi v) { return __builtin_convertvector(v, vf); }
LT_INLINE float real(int32_t v) { return static_cast<float>(v); }
LT_INLINE vf magnitude(vf v) { return abs(v); }
LT_INLINE float magnitude(float v) { return __builtin_fabsf(v); }

LT_INLINE vf square_root(vf v) {
  for (int i = 0; i < kLanes; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
}

/* Element i of kLanes groups that lie one after the other: out[i]. */
template <int N>
LT_INLINE void across(const float *x, vf *out) {
  float t[N][kLanes];
  for (int lane = 0; lane < kLanes; lane++)
    for (int i = 0; i < N; i++) t[i][lane] = x[lane * N + i];
  for (int i = 0; i < N; i++) out[i] = load(t[i]);
}

/* The element with the largest magnitude, the first of equals. */
template <int N, class V>
LT_INLINE V extreme(const V *x, V &most) {
  V value{};
  most = V{};
  for (int i = 0; i < N; i++) {
    const V a = magnitude(x[i]);
    value = a > most ? x[i] : value;
    most = a > most ? a : most;
  }
  return value;
}

/* What a search found. The codes that led to it are nearest(inverse * (x - base)), clamped; inverse 0: all codes are 0. */
template <class V>
struct Fit {
  V scale, min, inverse, base;
};

/* x = scale * q, q in [-most, most): 19 scales around the one that puts the extreme element at -most. */
template <int N, class V>
LT_INLINE Fit<V> symmetric_fit(const V *x, const V *w, int32_t most) {
  V largest, wx[N];
  const V end = extreme<N>(x, largest);
  for (int i = 0; i < N; i++) wx[i] = w[i] * x[i];
  Fit<V> fit{};
  V best{};
  for (int attempt = 0; attempt < 19; attempt++) {
    const int offset = attempt == 0 ? 0 : attempt < 10 ? attempt - 10 : attempt - 9;
    const V inverse = -(static_cast<float>(most) + 0.1f * static_cast<float>(offset)) / end;
    V lx{}, l2{};
    for (int i = 0; i < N; i++) {
      const V l = real(clamp(nearest(inverse * x[i]), -most, most - 1));
      lx += wx[i] * l;
      l2 += w[i] * l * l;
    }
    const V scale = lx / l2;
    if (attempt == 0) {
      fit.scale = l2 != 0 ? scale : V{};
      fit.inverse = inverse;
      best = fit.scale * lx;
    } else {
      const auto sound = l2 > 0;
      const auto better = sound & (lx * lx > best * l2);
      fit.scale = better ? scale : fit.scale;
      fit.inverse = better ? inverse : fit.inverse;
      best = better ? scale * lx : best;
    }
  }
  fit.scale = largest < kZeroGroup ? V{} : fit.scale;
  fit.inverse = largest < kZeroGroup ? V{} : fit.inverse;
  return fit;
}

/* The same, weights x^2, by changing one code at a time while that lowers the error, in five rounds at most. Returns the scale; l: the codes
 * less `most`. */
template <int N>
LT_INLINE vf descend(const vf *x, int32_t most, vf *l) {
  vf largest, lx{}, l2{};
  const vf inverse = -static_cast<float>(most) / extreme<N>(x, largest);
  for (int i = 0; i < N; i++) {
    const vf w = x[i] * x[i];
    l[i] = real(clamp(nearest(inverse * x[i]), -most, most - 1));
    lx += w * x[i] * l[i];
    l2 += w * l[i] * l[i];
  }
  for (int round = 0; round < 5; round++) {
    vi changed{};
    for (int i = 0; i < N; i++) {
      const vf w = x[i] * x[i], wx = w * x[i];
      vf lx_new = lx - wx * l[i], l2_new = l2 - w * l[i] * l[i];
      const vf l_new = real(clamp(nearest(x[i] * l2_new / lx_new), -most, most - 1));
      vi better = (lx_new > 0.0f) & (l_new != l[i]);
      lx_new += wx * l_new;
      l2_new += w * l_new * l_new;
      better &= (l2_new > 0.0f) & (lx_new * lx_new * l2 > lx * lx * l2_new);
      l[i] = better ? l_new : l[i];
      lx = better ? lx_new : lx;
      l2 = better ? l2_new : l2;
      changed |= better;
    }
    if (!any(changed)) break;
  }
  const vi zero = largest < kZeroGroup;
  for (int i = 0; i < N; i++) l[i] = zero ? splat(-static_cast<float>(most)) : l[i];
  return zero | ~(l2 > 0.0f) ? vf{} : lx / l2;
}

/* The inverse scales that an affine search tries: (first + step * i + most) / (high - min), i in [0, last]. */
struct Tries {
  float first, step;
  int last;
};

/* x = scale * q - min, q in [0, most], min >= 0. ABSOLUTE: the error is |x - value|, else its square. SAFE: a value is clamped before it is
 * rounded, so that one far out of range cannot wrap. */
template <int N, bool ABSOLUTE, bool SAFE>
LT_INLINE Fit<vf> affine_fit(const vf *x, const vf *w, int32_t most, Tries tries) {
  const auto code = [&](vf v) {
    if (!SAFE) return real(clamp(nearest(v), 0, most));
    v = v > 0.0f ? v : vf{};
    return real(nearest(v < static_cast<float>(most) ? v : splat(static_cast<float>(most))));
  };
  vf low = x[0], high = x[0], sum_w = w[0], sum_x = w[0] * x[0];
  for (int i = 1; i < N; i++) {
    low = min(x[i], low);
    high = max(x[i], high);
    sum_w += w[i];
    sum_x += w[i] * x[i];
  }
  low = low > 0.0f ? vf{} : low;
  const vf lowest = low;
  const vi flat = SAFE ? high <= low : high == low;

  vf l[N];
  const auto error = [&](vf scale, vf low_) {
    vf e{};
    for (int i = 0; i < N; i++) {
      const vf d = scale * l[i] + low_ - x[i];
      e += w[i] * (ABSOLUTE ? abs(d) : d * d);
    }
    return e;
  };
  Fit<vf> fit{};
  fit.inverse = static_cast<float>(most) / (high - low);
  fit.scale = 1.0f / fit.inverse;
  fit.base = low;
  for (int i = 0; i < N; i++) l[i] = code(fit.inverse * (x[i] - low));
  vf best = error(fit.scale, low);
  for (int t = 0; t <= tries.last; t++) {
    const vf inverse = (tries.first + tries.step * static_cast<float>(t) + static_cast<float>(most)) / (high - low);
    vf sum_l{}, sum_l2{}, sum_xl{};
    for (int i = 0; i < N; i++) {
      l[i] = code(inverse * (x[i] - low));
      const vf wl = w[i] * l[i];
      sum_l += wl;
      sum_l2 += wl * l[i];
      sum_xl += wl * x[i];
    }
    const vf determinant = sum_w * sum_l2 - sum_l * sum_l;
    vf scale = (sum_w * sum_xl - sum_x * sum_l) / determinant, least = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    const vi positive = least > 0.0f;
    scale = positive ? sum_xl / sum_l2 : scale;
    least = positive ? vf{} : least;
    const vf e = error(scale, least);
    const vi better = (determinant > 0.0f) & (e < best);
    best = better ? e : best;
    fit.scale = better ? scale : fit.scale;
    fit.inverse = better ? inverse : fit.inverse;
    fit.base = better ? low : fit.base;
    low = better ? least : low;
  }
  fit.min = -(flat ? lowest : low);
  fit.scale = flat ? vf{} : fit.scale;
  fit.inverse = flat ? vf{} : fit.inverse;
  return fit;
}

/* Codes in [0, most] for n scales x, none negative, each as important as its group's weights together; returns their scale. */
LT_INLINE float positive_fit(const float *x, const float *w, int n, int32_t most, uint8_t *codes) {
  float largest = 0;
  for (int i = 0; i < n; i++) largest = largest > x[i] ? largest : x[i];
  if (largest < kZeroGroup) {
    memset(codes, 0, n);
    return 0;
  }
  float inverse = 0, best = 0;
  for (int attempt = 0; attempt < 9; attempt++) {
    const int offset = attempt == 0 ? 0 : attempt < 5 ? attempt - 5 : attempt - 4;
    const float candidate = (0.1f * static_cast<float>(offset) + static_cast<float>(most)) / largest, scale = 1.0f / candidate;
    float e = 0;
    for (int i = 0; i < n; i++) {
      const int32_t l = nearest(candidate * x[i]);
      const float d = x[i] - scale * real(l < most ? l : most);
      e += w[i] * d * d;
    }
    if (attempt == 0 || e < best) {
      best = e;
      inverse = candidate;
    }
  }
  float lx = 0, l2 = 0;
  for (int i = 0; i < n; i++) {
    const int32_t l = nearest(inverse * x[i]);
    codes[i] = static_cast<uint8_t>(l < most ? l : most);
    lx += w[i] * x[i] * real(codes[i]);
    l2 += w[i] * real(codes[i]) * real(codes[i]);
  }
  for (int round = 0; round < 5; round++) {
    bool changed = false;
    for (int i = 0; i < n; i++) {
      const float old = real(codes[i]);
      float lx_new = lx - w[i] * x[i] * old, l2_new = l2 - w[i] * old * old;
      if (!(lx_new > 0 && l2_new > 0)) continue;
      int32_t l = nearest(x[i] * l2_new / lx_new);
      l = l < most ? l : most;
      if (l == codes[i]) continue;
      lx_new += w[i] * x[i] * real(l);
      l2_new += w[i] * real(l) * real(l);
      if (lx_new * lx_new * l2 > lx * lx * l2_new) {
        codes[i] = static_cast<uint8_t>(l);
        lx = lx_new;
        l2 = l2_new;
        changed = true;
      }
    }
    if (!changed) break;
  }
  return l2 > 0 ? lx / l2 : 0;
}

/* code(v) of n elements, n a multiple of kLanes, as bytes. */
template <class F>
LT_INLINE void to_codes(const float *x, int n, uint8_t *out, F &&code) {
  typedef uint8_t bytes __attribute__((vector_size(kLanes)));
  for (int i = 0; i < n; i += kLanes) store_as(out + i, __builtin_convertvector(code(load(x + i)), bytes));
}

/* The weight of an element with this importance, in a neighbourhood of this mean square. */
LT_INLINE vf weigh(vf importance, vf mean_square, vf x) { return importance * square_root(mean_square + x * x); }

LT_INLINE float sum_of_squares(const float *x, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA
