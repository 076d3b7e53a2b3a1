/* Weights decoded in registers, a unit of 64 elements of a row at a time: four vectors in the order in which the unit's type yields them,
 * values bit-equal to expand's. AVX-512 only; elsewhere rows are expanded into the first-level cache. */
#pragma once

#if defined(__AVX512F__)

#include "codes.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int64_t kUnit = 64;
constexpr int kUnitVectors = kUnit / kLanes;

LT_INLINE float half(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, 2);
  return _cvtsh_ss(bits);
}

LT_INLINE __m128i load16(const uint8_t *p) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p)); }
LT_INLINE __m256i load32(const uint8_t *p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)); }

/* table[low 4 bits of each word], 16 entries */
LT_INLINE vf look_up(vf table, __m512i index) { return (vf)_mm512_permutexvar_ps(index, (__m512)table); }
LT_INLINE __m512i high_nibbles(__m512i bytes) { return _mm512_srli_epi32(bytes, 4); }

/* 16 floats as bf16, twice, so that an index's fifth bit does not matter. */
LT_INLINE __m512i table_bf16(vf table) { return _mm512_broadcast_i64x4((__m256i)narrow(table, bf16{})); }

LT_INLINE void store_words(uint16_t *p, __m512i v) { _mm512_storeu_si512(p, v); }

/* Each type: the base address of a row's first unit and decoders of unit u. `kPaired`: of each 32 elements, the 16 even ones come first,
 * then the odd ones. */
template <class T>
struct Dense {
  static constexpr bool kPaired = false, kTabled = false;
  const T *p;
  Dense(const lt_matrix &w, int64_t element) : p(ptr<const T>(w.data) + element) {}
  LT_INLINE void values(int64_t u, vf *v) const {
    for (int i = 0; i < kUnitVectors; i++) v[i] = load(p + u * kUnit + i * kLanes);
  }
};

struct Nf4 {
  static constexpr bool kPaired = true, kTabled = true;
  const lt_matrix &w;
  const uint8_t *data;
  int64_t block0;
  Nf4(const lt_matrix &m, int64_t element) : w(m), data(ptr<const uint8_t>(m.data) + element / 2), block0(element / 64) {}
  LT_INLINE vf table(int64_t u) const {
    const int64_t b = block0 + u;
    float scale;
    if (w.nested_absmax) {
      /* Two roundings, as bitsandbytes; a contraction would make it one. */
      volatile float product = codes.dynamic_signed[ptr<const uint8_t>(w.absmax)[b]] * ptr<const float>(w.nested_absmax)[b / 256];
      scale = product + w.nested_offset;
    } else {
      scale = ptr<const float>(w.absmax)[b];
    }
    return load(codes.nf4) * scale;
  }
  LT_INLINE void values(int64_t u, vf *v) const {
    const vf t = table(u);
    for (int i = 0; i < 2; i++) {
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(data + u * 32 + i * 16));
      v[2 * i] = look_up(t, high_nibbles(bytes));
      v[2 * i + 1] = look_up(t, bytes);
    }
  }
  LT_INLINE void words(int64_t u, uint16_t *out) const {
    const __m512i t = table_bf16(table(u));
    for (int i = 0; i < 2; i++) {
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(data + u * 32 + i * 16));
      const __m512i index = _mm512_or_si512(high_nibbles(bytes), _mm512_slli_epi32(bytes, 16));
      store_words(out + 32 * i, _mm512_permutexvar_epi16(index, t));
    }
  }
};

struct Q4_0 {
  static constexpr bool kPaired = false, kTabled = true;
  const uint8_t *p;
  Q4_0(const lt_matrix &w, int64_t element) : p(ptr<const uint8_t>(w.data) + element / 32 * 18) {}
  LT_INLINE vf table(const uint8_t *b) const { return (__builtin_convertvector(iota(), vf) - 8.0f) * half(b); }
  LT_INLINE void values(int64_t u, vf *v) const {
    for (int i = 0; i < 2; i++) {
      const uint8_t *b = p + (2 * u + i) * 18;
      const vf t = table(b);
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(b + 2));
      v[2 * i] = look_up(t, bytes);
      v[2 * i + 1] = look_up(t, high_nibbles(bytes));
    }
  }
  LT_INLINE void words(int64_t u, uint16_t *out) const {
    for (int i = 0; i < 2; i++) {
      const uint8_t *b = p + (2 * u + i) * 18;
      const __m256i low = _mm256_cvtepu8_epi16(load16(b + 2));
      const __m512i index = _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_srli_epi16(low, 4), 1);
      store_words(out + 32 * i, _mm512_permutexvar_epi16(index, table_bf16(table(b))));
    }
  }
};

struct Q8_0 {
  static constexpr bool kPaired = false, kTabled = false;
  const uint8_t *p;
  Q8_0(const lt_matrix &w, int64_t element) : p(ptr<const uint8_t>(w.data) + element / 32 * 34) {}
  LT_INLINE void values(int64_t u, vf *v) const {
    for (int i = 0; i < kUnitVectors; i++) {
      const uint8_t *b = p + (2 * u + i / 2) * 34;
      v[i] = (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(b + 2 + i % 2 * 16))) * half(b);
    }
  }
};

struct Q4_K {
  static constexpr bool kPaired = false, kTabled = true;
  const uint8_t *p;
  Q4_K(const lt_matrix &w, int64_t element) : p(ptr<const uint8_t>(w.data) + element / 256 * 144) {}
  /* Of the 32 elements number i of a super-block: q * (d * scale) - dmin * min, each operation rounded. */
  LT_INLINE vf table(const uint8_t *b, int64_t i) const {
    const uint8_t *s = b + 4;
    const int scale = i < 4 ? s[i] & 63 : (s[i + 4] & 15) | s[i - 4] >> 6 << 4, min = i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | s[i] >> 6 << 4;
    const float d = half(b) * static_cast<float>(scale), m = half(b + 2) * static_cast<float>(min);
    return (vf)_mm512_sub_round_ps((__m512)(__builtin_convertvector(iota(), vf) * d), _mm512_set1_ps(m),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  LT_INLINE void values(int64_t u, vf *v) const {
    const uint8_t *b = p + u / 4 * 144, *q = b + 16 + u % 4 * 32;
    const vf even = table(b, u % 4 * 2), odd = table(b, u % 4 * 2 + 1);
    for (int i = 0; i < 2; i++) {
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(q + 16 * i));
      v[i] = look_up(even, bytes);
      v[2 + i] = look_up(odd, high_nibbles(bytes));
    }
  }
  LT_INLINE void words(int64_t u, uint16_t *out) const {
    const uint8_t *b = p + u / 4 * 144, *q = b + 16 + u % 4 * 32;
    const __m512i index = _mm512_cvtepu8_epi16(load32(q));
    store_words(out, _mm512_permutexvar_epi16(index, table_bf16(table(b, u % 4 * 2))));
    store_words(out + 32, _mm512_permutexvar_epi16(_mm512_srli_epi16(index, 4), table_bf16(table(b, u % 4 * 2 + 1))));
  }
};

/* Calls f(decoder) where w's type has one and the row's elements [col, ...) start a unit; says whether it did. */
template <class F>
LT_INLINE bool with_units(const lt_matrix &w, int64_t row, int64_t col, F &&f) {
  const int64_t element = row * w.cols + col;
  switch (w.type) {
    case LT_F32: f(Dense<float>(w, element)); return true;
    case LT_BF16: f(Dense<bf16>(w, element)); return true;
    case LT_F16: f(Dense<f16>(w, element)); return true;
    default: break;
  }
  if (element % kUnit != 0) return false;
  switch (w.type) {
    case LT_NF4: f(Nf4(w, element)); return true;
    case LT_Q4_0: f(Q4_0(w, element)); return true;
    case LT_Q8_0: f(Q8_0(w, element)); return true;
    case LT_Q4_K: f(Q4_K(w, element)); return true;
    default: return false;
  }
}

/* even[0], odd[0], even[1], ... of two vectors */
LT_INLINE void interleave(vf even, vf odd, vf &low, vf &high) {
  const vi first = iota() >> 1 | (iota() & 1) << 4;
  low = (vf)_mm512_permutex2var_ps((__m512)even, (__m512i)first, (__m512)odd);
  high = (vf)_mm512_permutex2var_ps((__m512)even, (__m512i)(first + 8), (__m512)odd);
}

}  // namespace
}  // namespace luthier::cpu::LT_ISA

#endif
