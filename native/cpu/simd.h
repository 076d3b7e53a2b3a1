/* Vectors of kLanes floats for the files compiled once for each Isa (isa.h): GCC's vector types, so that one source serves all; intrinsics
 * only where they are one instruction against many. */
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "cpu.h"
#include "isa.h"

namespace luthier::cpu::LT_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float vf __attribute__((vector_size(kLanes * 4)));
typedef int32_t vi __attribute__((vector_size(kLanes * 4)));
typedef uint32_t vu __attribute__((vector_size(kLanes * 4)));
typedef uint16_t vh __attribute__((vector_size(kLanes * 2)));
typedef uint8_t vb __attribute__((vector_size(kLanes)));
typedef double vd __attribute__((vector_size(kLanes * 8)));

struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

template <class V, class P>
LT_INLINE V load_as(const P *p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class P>
LT_INLINE void store_as(P *p, V v) {
  memcpy(p, &v, sizeof v);
}

LT_INLINE vf splat(float x) { return x - vf{}; }
LT_INLINE vi splat(int32_t x) { return x - vi{}; }
LT_INLINE vf select(vi mask, vf a, vf b) { return mask ? a : b; }
LT_INLINE vf max(vf a, vf b) { return a > b ? a : b; }
LT_INLINE vf min(vf a, vf b) { return a < b ? a : b; }
LT_INLINE vf abs(vf a) { return (vf)((vu)a & 0x7fffffffu); }

/* 0, 1, 2, ... */
LT_INLINE vi iota() {
  vi v;
  for (int i = 0; i < kLanes; i++) v[i] = i;
  return v;
}

/* All lanes combined by halves: op of lanes i and i + kLanes/2, and so on. */
template <class Op>
LT_INLINE float fold(vf v, Op &&op) {
  for (int half = kLanes / 2; half > 0; half /= 2) v = op(v, __builtin_shuffle(v, iota() ^ half));
  return v[0];
}
LT_INLINE float sum(vf v) {
  return fold(v, [](vf a, vf b) { return a + b; });
}
LT_INLINE float largest(vf v) {
  return fold(v, [](vf a, vf b) { return max(a, b); });
}
LT_INLINE double sum(vd v) {
  double total = 0;
  for (int i = 0; i < kLanes; i++) total += v[i];
  return total;
}
LT_INLINE bool any(vi mask) {
  int32_t all = 0;
  for (int i = 0; i < kLanes; i++) all |= mask[i];
  return all != 0;
}

/* ---- element types: load and store kLanes of them as floats, round to nearest even */

LT_INLINE vf widen(vh bits, bf16) { return (vf)(__builtin_convertvector(bits, vu) << 16); }

LT_INLINE vh narrow(vf x, bf16) {
  const vu u = (vu)x;
  const vu rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16, quiet = u >> 16 | 0x40u;
  return __builtin_convertvector((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded, vh);
}

LT_INLINE vf widen(vh bits, f16) {
#if defined(__AVX512F__)
  return (vf)_mm512_cvtph_ps((__m256i)bits);
#elif defined(__F16C__)
  return (vf)_mm256_cvtph_ps((__m128i)bits);
#else
  const vu h = __builtin_convertvector(bits, vu), sign = (h & 0x8000u) << 16, rest = (h & 0x7fffu) << 13;
  const vu finite = (vu)((vf)rest * 0x1p112f), quiet = 0x7f800000u | (rest & 0x7fffffu) | ((rest & 0x7fffffu) != 0u ? vu{} + 0x400000u : vu{});
  return (vf)(sign | (rest >= 0x7c00u << 13 ? quiet : finite));
#endif
}

LT_INLINE vh narrow(vf x, f16) {
#if defined(__AVX512F__)
  return (vh)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__F16C__)
  return (vh)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  const vu u = (vu)x, sign = u >> 16 & 0x8000u, rest = u & 0x7fffffffu;
  const vu small = (vu)((vf)rest + 0.5f) - 0x3f000000u; /* below 2^-14: the addition rounds to a multiple of 2^-24 */
  const vu normal = (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13;
  const vu nan = 0x7e00u | (rest >> 13 & 0x3ffu);
  vu h = rest < 0x38800000u ? small : normal;
  h = rest >= 0x477ff000u ? vu{} + 0x7c00u : h;
  h = rest > 0x7f800000u ? nan : h;
  return __builtin_convertvector(sign | h, vh);
#endif
}

LT_INLINE vf load(const float *p) { return load_as<vf>(p); }
template <class T>
LT_INLINE vf load(const T *p) {
  return widen(load_as<vh>(p), T{});
}
LT_INLINE void store(float *p, vf v) { store_as(p, v); }
template <class T>
LT_INLINE void store(T *p, vf v) {
  store_as(p, narrow(v, T{}));
}

/* The first n lanes, 0 < n < kLanes (which the compiler believes only when it is written out); the others are 0. */
template <class T>
LT_INLINE vf load(const T *p, int64_t n) {
  T part[kLanes] = {};
  for (int64_t i = 0; i < (n & (kLanes - 1)); i++) part[i] = p[i];
  return load(part);
}
template <class T>
LT_INLINE void store(T *p, vf v, int64_t n) {
  T part[kLanes];
  store(part, v);
  for (int64_t i = 0; i < (n & (kLanes - 1)); i++) p[i] = part[i];
}

/* f(i, n) for i = 0, kLanes, ...: n is kLanes, then what is left. f loads and stores through the pair below. */
template <class F>
LT_INLINE void for_vectors(int64_t count, F &&f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, int64_t{kLanes});
  if (i < count) f(i, count - i);
}
template <class T>
LT_INLINE vf load_n(const T *p, int64_t n) {
  return n == kLanes ? load(p) : load(p, n);
}
template <class T>
LT_INLINE void store_n(T *p, vf v, int64_t n) {
  if (n == kLanes)
    store(p, v);
  else
    store(p, v, n);
}

/* Calls f with a value of the dtype's element type. */
template <class F>
LT_INLINE void with_type(int32_t dtype, F &&f) {
  switch (dtype) {
    case LT_F32: return f(float{});
    case LT_F16: return f(f16{});
    default: return f(bf16{});
  }
}

template <class T>
LT_INLINE T *row(const lt_tensor &t, int64_t i) {
  return ptr<T>(t.data) + i * t.row_stride;
}

/* Rows of one unit of work: some 16k elements, whatever the number of threads. */
LT_INLINE int64_t row_grain(int64_t cols) {
  constexpr int64_t elements = 1 << 14;
  return cols >= elements ? 1 : elements / (cols > 0 ? cols : 1);
}

/* ---- functions */

/* e^x; error below 1.5 ulp, subnormal results included; exp(-inf) is 0. */
LT_INLINE vf exp(vf x) {
  const vf low = splat(-104.0f), high = splat(89.0f);
  x = x < low ? low : x;
  x = x > high ? high : x;
  const vf magic = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  const vf n = (x * 1.44269504088896341f + magic) - magic;
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const vi k = __builtin_convertvector(n, vi), half = k >> 1;
  return p * (vf)((half + 127) << 23) * (vf)((k - half + 127) << 23);
}

/* tanh x; error below 2 ulp. */
LT_INLINE vf tanh(vf x) {
  const vf a = abs(x), z = x * x;
  vf p = splat(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const vf small = p * z * x + x;
  const vf large = 1.0f - 2.0f / (exp(a + a) + 1.0f);
  const vf with_sign = (vf)((vu)large | ((vu)x & 0x80000000u));
  return a < splat(0.625f) ? small : with_sign;
}

LT_INLINE vf sigmoid(vf x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace
}  // namespace luthier::cpu::LT_ISA
