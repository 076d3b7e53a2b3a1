/* Weights of any type as floats: one decoder a block type, one walk over blocks for all. Values as llama.cpp's reference dequantizers and as
 * bitsandbytes give them: fp32, one rounding per operation, no contraction. Layouts: GGUF, ggml-common.h. */
#include "expand.h"

#include "../core/types.h"
#include "codes.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

LT_INLINE float half_at(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, 2);
  const f16 one[1] = {{bits}};
  return load(one, 1)[0];
}

/* ---- blocks of 32 */

/* The 4-bit values of byte j are elements j (low) and j + 16; bit j of `fifth` adds 16 to element j. */
template <class F>
LT_INLINE void nibbles(const uint8_t *low, uint32_t fifth, float *out, F &&value) {
  for (int j = 0; j < 16; j++) {
    out[j] = value(static_cast<int>((low[j] & 15) | (fifth >> j & 1) << 4));
    out[j + 16] = value(static_cast<int>(low[j] >> 4 | (fifth >> (j + 16) & 1) << 4));
  }
}

/* d (q - shift), and d q + m */
LT_INLINE void symmetric(const uint8_t *b, const uint8_t *low, uint32_t fifth, int shift, float *out) {
  const float d = half_at(b);
  nibbles(low, fifth, out, [&](int q) { return static_cast<float>(q - shift) * d; });
}

LT_INLINE void affine(const uint8_t *b, const uint8_t *low, uint32_t fifth, float *out) {
  const float d = half_at(b), m = half_at(b + 2);
  nibbles(low, fifth, out, [&](int q) { return static_cast<float>(q) * d + m; });
}

LT_INLINE uint32_t word_at(const uint8_t *p) {
  uint32_t u;
  memcpy(&u, p, 4);
  return u;
}

void q4_0(const uint8_t *b, float *out) { symmetric(b, b + 2, 0, 8, out); }
void q4_1(const uint8_t *b, float *out) { affine(b, b + 4, 0, out); }
void q5_0(const uint8_t *b, float *out) { symmetric(b, b + 6, word_at(b + 2), 16, out); }
void q5_1(const uint8_t *b, float *out) { affine(b, b + 8, word_at(b + 4), out); }

void q8_0(const uint8_t *b, float *out) {
  const float d = half_at(b);
  for (int i = 0; i < 32; i++) out[i] = static_cast<float>(static_cast<int8_t>(b[2 + i])) * d;
}

/* ---- super-blocks of 256, scales of 16 or 32 elements quantized in their turn */

/* Q2_K: scales 16 x (4-bit scale, 4-bit min), 64 bytes of 2-bit values, d, dmin. */
void q2_k(const uint8_t *b, float *out) {
  const uint8_t *scales = b, *values = b + 16;
  const float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int i = 0; i < 16; i++) {
    const float scale = d * static_cast<float>(scales[i] & 15), min = dmin * static_cast<float>(scales[i] >> 4);
    const uint8_t *q = values + i / 8 * 32 + i % 2 * 16;
    const int shift = i % 8 / 2 * 2;
    for (int j = 0; j < 16; j++) out[16 * i + j] = scale * static_cast<float>(q[j] >> shift & 3) - min;
  }
}

/* Q3_K: 32 bytes of high bits, 64 of low 2-bit values, 12 with sixteen 6-bit scales, d. A clear high bit means minus 4. */
void q3_k(const uint8_t *b, float *out) {
  const uint8_t *high = b, *low = b + 32, *packed = b + 96;
  const float d = half_at(b + 108);
  for (int i = 0; i < 16; i++) {
    const int four = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4, two = packed[8 + i % 4] >> (i / 4 * 2) & 3;
    const float scale = d * static_cast<float>((four | two << 4) - 32);
    const uint8_t *q = low + i / 8 * 32 + i % 2 * 16, *h = high + i % 2 * 16;
    const int shift = i % 8 / 2 * 2, bit = i / 2;
    for (int j = 0; j < 16; j++) out[16 * i + j] = scale * static_cast<float>((q[j] >> shift & 3) - (h[j] >> bit & 1 ? 0 : 4));
  }
}

/* Scale and min i of the twelve bytes with eight 6-bit pairs of Q4_K and Q5_K. */
LT_INLINE void scale_min(const uint8_t *p, int i, int &scale, int &min) {
  if (i < 4) {
    scale = p[i] & 63;
    min = p[i + 4] & 63;
  } else {
    scale = (p[i + 4] & 15) | p[i - 4] >> 6 << 4;
    min = p[i + 4] >> 4 | p[i] >> 6 << 4;
  }
}

/* Q4_K, Q5_K: d, dmin, 12 bytes of scales and mins; Q5_K: 32 bytes of fifth bits; 128 bytes of 4-bit values. */
template <bool FIVE>
void q45_k(const uint8_t *b, float *out) {
  const float d = half_at(b), dmin = half_at(b + 2);
  const uint8_t *fifth = b + 16, *values = b + (FIVE ? 48 : 16);
  for (int i = 0; i < 8; i++) {
    int s, m;
    scale_min(b + 4, i, s, m);
    const float scale = d * static_cast<float>(s), min = dmin * static_cast<float>(m);
    const uint8_t *q = values + i / 2 * 32;
    for (int j = 0; j < 32; j++) {
      int v = i % 2 ? q[j] >> 4 : q[j] & 15;
      if (FIVE) v += (fifth[j] >> i & 1) << 4;
      out[32 * i + j] = scale * static_cast<float>(v) - min;
    }
  }
}

/* Q6_K: 128 bytes of low nibbles, 64 of high 2-bit values, 16 signed scales, d. */
void q6_k(const uint8_t *b, float *out) {
  const uint8_t *low = b, *high = b + 128, *scales = b + 192;
  const float d = half_at(b + 208);
  for (int i = 0; i < 16; i++) {
    const float scale = d * static_cast<float>(static_cast<int8_t>(scales[i]));
    const int part = i % 8 / 2; /* of the 32-element quarters of a half */
    const uint8_t *l = low + i / 8 * 64 + part % 2 * 32 + i % 2 * 16, *h = high + i / 8 * 32 + i % 2 * 16;
    for (int j = 0; j < 16; j++) {
      const int v = (part < 2 ? l[j] & 15 : l[j] >> 4) | (h[j] >> (2 * part) & 3) << 4;
      out[16 * i + j] = scale * static_cast<float>(v - 32);
    }
  }
}

/* ---- NF4: 64 codes, the first in the high nibble, times one scale */

LT_INLINE float nf4_scale(const lt_matrix &w, int64_t block) {
  if (!w.nested_absmax) return ptr<const float>(w.absmax)[block];
  const float a = codes.dynamic_signed[ptr<const uint8_t>(w.absmax)[block]] * ptr<const float>(w.nested_absmax)[block / 256];
  return a + w.nested_offset;
}

LT_INLINE void nf4_block(const uint8_t *b, float scale, float *out) {
#if defined(__AVX512F__)
  const __m512 code = _mm512_loadu_ps(codes.nf4), s = _mm512_set1_ps(scale);
  const __m128i mask = _mm_set1_epi8(15);
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(b + 8 * i));
    const __m128i both = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(bytes, 4), mask), _mm_and_si128(bytes, mask));
    _mm512_storeu_ps(out + 16 * i, _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(both), code), s));
  }
#elif defined(__AVX2__)
  const __m256 low = _mm256_loadu_ps(codes.nf4), high = _mm256_loadu_ps(codes.nf4 + 8), s = _mm256_set1_ps(scale);
  const __m128i mask = _mm_set1_epi8(15);
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(b + 8 * i));
    const __m128i both = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(bytes, 4), mask), _mm_and_si128(bytes, mask));
    for (int half = 0; half < 2; half++) {
      const __m256i index = _mm256_cvtepu8_epi32(half ? _mm_srli_si128(both, 8) : both);
      /* permutevar reads three bits of the index; the fourth, moved to the sign, picks the half of the table. */
      const __m256 value = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index),
                                            _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
      _mm256_storeu_ps(out + 16 * i + 8 * half, _mm256_mul_ps(value, s));
    }
  }
#else
  for (int i = 0; i < 32; i++) {
    out[2 * i] = codes.nf4[b[i] >> 4] * scale;
    out[2 * i + 1] = codes.nf4[b[i] & 15] * scale;
  }
#endif
}

/* ---- dispatch */

using Decode = void (*)(const uint8_t *block, float *out);

LT_INLINE Decode decoder(int32_t type) {
  switch (type) {
    case LT_Q4_0: return q4_0;
    case LT_Q4_1: return q4_1;
    case LT_Q5_0: return q5_0;
    case LT_Q5_1: return q5_1;
    case LT_Q8_0: return q8_0;
    case LT_Q2_K: return q2_k;
    case LT_Q3_K: return q3_k;
    case LT_Q4_K: return q45_k<false>;
    case LT_Q5_K: return q45_k<true>;
    default: return q6_k;
  }
}

/* Elements [begin, begin + n) of a run of blocks; decode(block number, out) writes a whole block. */
template <int BLOCK, class F>
LT_INLINE void walk(int64_t begin, int64_t n, float *out, F &&decode) {
  float part[BLOCK];
  while (n > 0) {
    const int64_t block = begin / BLOCK, skip = begin % BLOCK, take = BLOCK - skip < n ? BLOCK - skip : n;
    if (take == BLOCK) {
      decode(block, out);
    } else {
      decode(block, part);
      memcpy(out, part + skip, take * sizeof(float));
    }
    begin += take;
    out += take;
    n -= take;
  }
}

void expand_nf4(const lt_matrix &w, int64_t begin, int64_t n, float *out) {
  const uint8_t *data = ptr<const uint8_t>(w.data);
  const int64_t bytes = (w.rows * w.cols + 1) / 2;
  walk<64>(begin, n, out, [&](int64_t block, float *to) {
    const float scale = nf4_scale(w, block);
    if (32 * block + 32 <= bytes) {
      nf4_block(data + 32 * block, scale, to);
    } else {
      /* The short last block. */
      uint8_t padded_block[32] = {};
      memcpy(padded_block, data + 32 * block, bytes - 32 * block);
      nf4_block(padded_block, scale, to);
    }
  });
}

template <class T>
void widen_row(const lt_matrix &w, int64_t begin, int64_t count, float *out) {
  const T *x = ptr<const T>(w.data) + begin;
  for_vectors(count, [&](int64_t i, int64_t n) { store_n(out + i, load_n(x + i, n), n); });
}

}  // namespace

void expand(const lt_matrix &w, int64_t row, int64_t col0, int64_t n, float *out) {
  const int64_t begin = row * w.cols + col0;
  switch (w.type) {
    case LT_F32: memcpy(out, ptr<const float>(w.data) + begin, n * sizeof(float)); return;
    case LT_F16: return widen_row<f16>(w, begin, n, out);
    case LT_BF16: return widen_row<bf16>(w, begin, n, out);
    case LT_NF4: return expand_nf4(w, begin, n, out);
    default: break;
  }
  const Decode decode = decoder(w.type);
  const int64_t size = kTypes[w.type].bytes;
  const auto block = [&](int64_t b, float *to) { decode(ptr<const uint8_t>(w.data) + b * size, to); };
  if (kTypes[w.type].block == 32)
    walk<32>(begin, n, out, block);
  else
    walk<256>(begin, n, out, block);
}

void expand_bf16(const lt_matrix &w, int64_t row, int64_t col0, int64_t n, uint16_t *out) {
  const int64_t begin = row * w.cols + col0;
  if (w.type == LT_BF16) {
    memcpy(out, ptr<const uint16_t>(w.data) + begin, n * sizeof(uint16_t));
    return;
  }
  /* In pieces that stay in the first cache, cut at the flattened matrix's blocks. */
  constexpr int64_t piece = 512;
  float x[piece];
  while (n > 0) {
    const int64_t at = row * w.cols + col0, room = piece - at % 256, count = room < n ? room : n;
    expand(w, row, col0, count, x);
    for_vectors(count, [&](int64_t i, int64_t m) { store_n(reinterpret_cast<bf16 *>(out) + i, load_n(x + i, m), m); });
    out += count;
    col0 += count;
    n -= count;
  }
}

}  // namespace luthier::cpu::LT_ISA
