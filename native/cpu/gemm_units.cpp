/* Weights decoded in registers, a unit of 64 elements of a row at a time: four vectors in the order in which the unit's type yields them.
 * AVX-512 only: elsewhere these entries do nothing and rows are expanded into the first-level cache. Compiled without contraction, so that
 * values are bit-equal to expand's; dot products say themselves where they fuse. */
#include "gemm_isa.h"

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
  static constexpr int64_t kBytes = kUnit * sizeof(T);
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(p + u * kUnit); }
  LT_INLINE void values(int64_t u, vf *v) const {
#pragma GCC unroll 4
    for (int i = 0; i < kUnitVectors; i++) v[i] = load(p + u * kUnit + i * kLanes);
  }
};

struct Nf4 {
  static constexpr bool kPaired = true, kTabled = true;
  const lt_matrix &w;
  const uint8_t *data;
  int64_t block0;
  Nf4(const lt_matrix &m, int64_t element) : w(m), data(ptr<const uint8_t>(m.data) + element / 2), block0(element / 64) {}
  static constexpr int64_t kBytes = 32;
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(data + u * 32); }
  LT_INLINE vf table(int64_t u) const {
    const int64_t b = block0 + u;
    float scale;
    if (w.nested_absmax) {
      scale = codes.dynamic_signed[ptr<const uint8_t>(w.absmax)[b]] * ptr<const float>(w.nested_absmax)[b / 256] + w.nested_offset;
    } else {
      scale = ptr<const float>(w.absmax)[b];
    }
    return load(codes.nf4) * scale;
  }
  LT_INLINE void values(int64_t u, vf *v) const {
    const vf t = table(u);
#pragma GCC unroll 4
    for (int i = 0; i < 2; i++) {
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(data + u * 32 + i * 16));
      v[2 * i] = look_up(t, high_nibbles(bytes));
      v[2 * i + 1] = look_up(t, bytes);
    }
  }
  LT_INLINE void words(int64_t u, uint16_t *out) const {
    const __m512i t = table_bf16(table(u));
#pragma GCC unroll 4
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
  static constexpr int64_t kBytes = 36;
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(p + u * 36); }
  LT_INLINE vf table(const uint8_t *b) const { return (__builtin_convertvector(iota(), vf) - 8.0f) * half(b); }
  LT_INLINE void values(int64_t u, vf *v) const {
#pragma GCC unroll 4
    for (int i = 0; i < 2; i++) {
      const uint8_t *b = p + (2 * u + i) * 18;
      const vf t = table(b);
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(b + 2));
      v[2 * i] = look_up(t, bytes);
      v[2 * i + 1] = look_up(t, high_nibbles(bytes));
    }
  }
  LT_INLINE void words(int64_t u, uint16_t *out) const {
#pragma GCC unroll 4
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
  static constexpr int64_t kBytes = 68;
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(p + u * 68); }
  LT_INLINE void values(int64_t u, vf *v) const {
#pragma GCC unroll 4
    for (int i = 0; i < kUnitVectors; i++) {
      const uint8_t *b = p + (2 * u + i / 2) * 34;
      v[i] = (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(b + 2 + i % 2 * 16))) * half(b);
    }
  }
};

struct Q4_K {
  static constexpr bool kPaired = false, kTabled = true;
  const uint8_t *p;
  int64_t u0;
  mutable int64_t ready = -1; /* the super-block whose scales are decoded */
  mutable float scale[8], min[8];
  Q4_K(const lt_matrix &w, int64_t element) : p(ptr<const uint8_t>(w.data) + element / 256 * 144), u0(element % 256 / kUnit) {}
  static constexpr int64_t kBytes = 36;
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(p + u * 36); }
  /* The eight 6-bit pairs of twelve bytes: 0 to 3 whole, the high two bits of 4 to 7 above those. */
  LT_INLINE void prepare(int64_t block) const {
    const uint8_t *b = p + block * 144;
    uint32_t s[3];
    memcpy(s, b + 4, 12);
    const uint64_t scales = (s[0] & 0x3f3f3f3f) | static_cast<uint64_t>((s[2] & 0x0f0f0f0f) | (s[0] >> 2 & 0x30303030)) << 32;
    const uint64_t mins = (s[1] & 0x3f3f3f3f) | static_cast<uint64_t>((s[2] >> 4 & 0x0f0f0f0f) | (s[1] >> 2 & 0x30303030)) << 32;
    const auto eight = [](uint64_t bytes) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)))); };
    _mm256_storeu_ps(scale, _mm256_mul_ps(eight(scales), _mm256_set1_ps(half(b))));
    _mm256_storeu_ps(min, _mm256_mul_ps(eight(mins), _mm256_set1_ps(half(b + 2))));
    ready = block;
  }
  /* Of the 32 elements number i of a super-block: q * (d * scale) - dmin * min, each operation rounded. */
  LT_INLINE vf table(int64_t i) const { return __builtin_convertvector(iota(), vf) * scale[i] - min[i]; }
  LT_INLINE void values(int64_t unit, vf *v) const {
    const int64_t u = u0 + unit;
    if (u / 4 != ready) prepare(u / 4);
    const uint8_t *q = p + u / 4 * 144 + 16 + u % 4 * 32;
    const vf even = table(u % 4 * 2), odd = table(u % 4 * 2 + 1);
#pragma GCC unroll 4
    for (int i = 0; i < 2; i++) {
      const __m512i bytes = _mm512_cvtepu8_epi32(load16(q + 16 * i));
      v[i] = look_up(even, bytes);
      v[2 + i] = look_up(odd, high_nibbles(bytes));
    }
  }
  LT_INLINE void words(int64_t unit, uint16_t *out) const {
    const int64_t u = u0 + unit;
    if (u / 4 != ready) prepare(u / 4);
    const __m512i index = _mm512_cvtepu8_epi16(load32(p + u / 4 * 144 + 16 + u % 4 * 32));
    store_words(out, _mm512_permutexvar_epi16(index, table_bf16(table(u % 4 * 2))));
    store_words(out + 32, _mm512_permutexvar_epi16(_mm512_srli_epi16(index, 4), table_bf16(table(u % 4 * 2 + 1))));
  }
};

/* 128 bytes of low nibbles, 64 of high 2-bit values, 16 signed scales, d. A unit is two quarters of a half's 128 elements: the first two have
 * their low bits in the low nibbles, the other two in the high ones. */
struct Q6_K {
  static constexpr bool kPaired = false, kTabled = false;
  const uint8_t *p;
  int64_t u0;
  Q6_K(const lt_matrix &w, int64_t element) : p(ptr<const uint8_t>(w.data) + element / 256 * 210), u0(element % 256 / kUnit) {}
  static constexpr int64_t kBytes = 53;
  LT_INLINE const char *bytes(int64_t u) const { return reinterpret_cast<const char *>(p + u * 210 / 4); }
  LT_INLINE void values(int64_t unit, vf *v) const {
    const int64_t u = u0 + unit;
    const uint8_t *b = p + u / 4 * 210, *low = b + u % 4 / 2 * 64, *high = b + 128 + u % 4 / 2 * 32;
    const float d = half(b + 208);
    const int pair = static_cast<int>(u % 2);
#pragma GCC unroll 4
    for (int i = 0; i < kUnitVectors; i++) {
      const vu l = (vu)_mm512_cvtepu8_epi32(load16(low + i * 16)), h = (vu)_mm512_cvtepu8_epi32(load16(high + i % 2 * 16));
      const vi q = (vi)((l >> 4 * pair & 15u) | (h >> (4 * pair + i / 2 * 2) & 3u) << 4);
      const float scale = d * static_cast<float>(static_cast<int8_t>(b[192 + u % 4 * 4 + i]));
      v[i] = __builtin_convertvector(q - 32, vf) * scale;
    }
  }
};

template <class D>
struct Tag {
  using type = D;
};

/* Calls f(Tag of the decoder) where w's type has one and the row's elements [col, ...) start a unit; says whether it did. */
template <class F>
LT_INLINE bool with_units(const lt_matrix &w, int64_t row, int64_t col, F &&f) {
  switch (w.type) {
    case LT_F32: f(Tag<Dense<float>>()); return true;
    case LT_BF16: f(Tag<Dense<bf16>>()); return true;
    case LT_F16: f(Tag<Dense<f16>>()); return true;
    default: break;
  }
  if ((row * w.cols + col) % kUnit != 0) return false;
  switch (w.type) {
    case LT_NF4: f(Tag<Nf4>()); return true;
    case LT_Q4_0: f(Tag<Q4_0>()); return true;
    case LT_Q8_0: f(Tag<Q8_0>()); return true;
    case LT_Q4_K: f(Tag<Q4_K>()); return true;
    case LT_Q6_K: f(Tag<Q6_K>()); return true;
    default: return false;
  }
}

/* even[0], odd[0], even[1], ... of two vectors */
LT_INLINE void interleave(vf even, vf odd, vf &low, vf &high) {
  const vi first = iota() >> 1 | (iota() & 1) << 4;
  low = (vf)_mm512_permutex2var_ps((__m512)even, (__m512i)first, (__m512)odd);
  high = (vf)_mm512_permutex2var_ps((__m512)even, (__m512i)(first + 8), (__m512)odd);
}

/* Rows of weights by ROWS rows of x. The weights come from memory: they are asked for kAhead bytes early, across the ends of rows. */
constexpr int64_t kAhead = 2048;

template <int ROWS, class D>
void dot_rows(const lt_matrix &w, int64_t row0, int64_t rows, int64_t col, int64_t units, const float *x, int64_t ldx, float *sums) {
  constexpr int C = ROWS <= 2 ? kUnitVectors : ROWS <= 4 ? 2 : 1;
  for (int64_t j = 0; j < rows; j++) {
    const D d(w, (row0 + j) * w.cols + col);
    vf acc[ROWS][C] = {};
    for (int64_t u = 0; u < units; u++) {
      const char *next = d.bytes(u) + kAhead;
#pragma GCC unroll 4
      for (int64_t b = 0; b < D::kBytes; b += 64) __builtin_prefetch(next + b);
      vf v[kUnitVectors];
      d.values(u, v);
#pragma GCC unroll 4
      for (int i = 0; i < kUnitVectors; i++)
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
          const vf other = load(x + r * ldx + u * kUnit + i * kLanes);
          acc[r][i % C] = (vf)_mm512_fmadd_ps((__m512)v[i], (__m512)other, (__m512)acc[r][i % C]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      vf total = acc[r][0];
      for (int c = 1; c < C; c++) total += acc[r][c];
      sums[j * kGemvRows + r] += _mm512_reduce_add_ps((__m512)total);
    }
  }
}

template <class D>
LT_INLINE void dot_any(int64_t m, const lt_matrix &w, int64_t row0, int64_t rows, int64_t col, int64_t units, const float *x, int64_t ldx,
                       float *sums) {
  switch (m) {
    case 1: return dot_rows<1, D>(w, row0, rows, col, units, x, ldx, sums);
    case 2: return dot_rows<2, D>(w, row0, rows, col, units, x, ldx, sums);
    case 3: return dot_rows<3, D>(w, row0, rows, col, units, x, ldx, sums);
    case 4: return dot_rows<4, D>(w, row0, rows, col, units, x, ldx, sums);
    case 5: return dot_rows<5, D>(w, row0, rows, col, units, x, ldx, sums);
    case 6: return dot_rows<6, D>(w, row0, rows, col, units, x, ldx, sums);
    case 7: return dot_rows<7, D>(w, row0, rows, col, units, x, ldx, sums);
    case 8: return dot_rows<8, D>(w, row0, rows, col, units, x, ldx, sums);
    default: return;
  }
}

}  // namespace

int64_t unit_values(const lt_matrix &w, int64_t row, int64_t col, int64_t n, float *out) {
  const int64_t units = n / kUnit;
  const bool done = with_units(w, row, col, [&](auto tag) {
    using D = typename decltype(tag)::type;
    const D d(w, row * w.cols + col);
    for (int64_t u = 0; u < units; u++) {
      vf v[kUnitVectors];
      d.values(u, v);
      if constexpr (D::kPaired) {
        interleave(v[0], v[1], v[0], v[1]);
        interleave(v[2], v[3], v[2], v[3]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < kUnitVectors; i++) store(out + u * kUnit + i * kLanes, v[i]);
    }
  });
  return done ? units * kUnit : 0;
}

int64_t unit_words(const lt_matrix &w, int64_t row, int64_t col, int64_t n, uint16_t *out) {
  int64_t done = 0;
  with_units(w, row, col, [&](auto tag) {
    using D = typename decltype(tag)::type;
    if constexpr (D::kTabled) {
      const D d(w, row * w.cols + col);
      for (; done + kUnit <= n; done += kUnit) d.words(done / kUnit, out + done);
    }
  });
  return done;
}

int64_t unit_dots(const lt_matrix &w, int64_t row0, int64_t rows, int64_t k, int64_t m, const float *x, const float *paired, int64_t ldx,
                  float *sums) {
  const bool dense = w.type == LT_F32 || w.type == LT_BF16 || w.type == LT_F16;
  if (!dense && w.cols % kUnit != 0) return 0;
  /* So much of x at a time that it stays in the first-level cache from row to row. */
  constexpr int64_t floats = 6144;
  const int64_t units = k / kUnit, stretch = m == 1 ? units : floats / kUnit / m;
  const bool done = with_units(w, row0, 0, [&](auto tag) {
    using D = typename decltype(tag)::type;
    for (int64_t u = 0; u < units; u += stretch) {
      const int64_t n = units - u < stretch ? units - u : stretch, at = u * kUnit;
      dot_any<D>(m, w, row0, rows, at, n, (D::kPaired ? paired : x) + at, ldx, sums);
    }
  });
  return done ? units * kUnit : 0;
}

/* Of each 32 values the even ones first. */
void pair_up(const float *x, int64_t n, float *out) {
  for (int64_t i = 0; i + 32 <= n; i += 32)
    for (int j = 0; j < 16; j++) {
      out[i + j] = x[i + 2 * j];
      out[i + 16 + j] = x[i + 2 * j + 1];
    }
}

}  // namespace luthier::cpu::LT_ISA

#else

namespace luthier::cpu::LT_ISA {

int64_t unit_values(const lt_matrix &, int64_t, int64_t, int64_t, float *) { return 0; }
int64_t unit_words(const lt_matrix &, int64_t, int64_t, int64_t, uint16_t *) { return 0; }
int64_t unit_dots(const lt_matrix &, int64_t, int64_t, int64_t, int64_t, const float *, const float *, int64_t, float *) { return 0; }
void pair_up(const float *, int64_t, float *) {}

}  // namespace luthier::cpu::LT_ISA

#endif
