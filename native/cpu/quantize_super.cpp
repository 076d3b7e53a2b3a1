/* Floats to GGUF's super-blocks of 256 (Q2_K to Q6_K): groups of 16 or 32 get a scale (and a minimum), the scales of a super-block are quantized in
 * their turn, then the elements with these. Sixteen groups are worked on at once, the groups in the lanes (quantize_fit.h). Layouts: ggml-common.h;
 * see expand.cpp for what they mean. */
#include "quantize_fit.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int kSuper = 256;
constexpr int kGroups = 16; /* worked on at once: one super-block's of 16 elements, or two super-blocks' of 32 */

LT_INLINE uint16_t half_bits(float x) {
  f16 h[kLanes];
  store(h, splat(x));
  return h[0].bits;
}

LT_INLINE float half_value(uint16_t bits) {
  f16 h[kLanes] = {};
  h[0].bits = bits;
  return load(h)[0];
}

LT_INLINE float put_half(uint8_t *p, float x) {
  const uint16_t bits = half_bits(x);
  memcpy(p, &bits, 2);
  return half_value(bits);
}

/* The scalar form of nearest(). */
LT_INLINE int32_t nearest(float x) { return nearest(splat(x))[0]; }

/* Sixteen groups of N elements, element by element: x[i][g] is element i of group g. Groups past the end are 0. */
template <int N>
struct Groups {
  alignas(64) float x[N][kGroups];
  alignas(64) float scale[kGroups];
  alignas(64) float minimum[kGroups];
  alignas(64) float d[kGroups];  /* what the codes are multiplied with, after its own quantization */
  alignas(64) float dm[kGroups]; /* and what is subtracted */
  alignas(64) int32_t fitted[N][kGroups]; /* codes of the fit: kept where d came out as 0 */
  uint8_t code[N][kGroups];

  LT_INLINE void gather(const float *from, int groups) {
    for (int i = 0; i < N; i++)
      for (int g = 0; g < kGroups; g++) x[i][g] = g < groups ? from[g * N + i] : 0.0f;
  }

  LT_INLINE void column(int lane, vf *out) const {
    for (int i = 0; i < N; i++) out[i] = load(x[i] + lane);
  }

  /* code = nearest((x + dm) / d) in [low, high], less low. */
  LT_INLINE void encode(int32_t low, int32_t high) {
    for (int lane = 0; lane < kGroups; lane += kLanes) {
      const vf scale_of = load(d + lane), shift = load(dm + lane);
      const vi none = scale_of == 0.0f;
      for (int i = 0; i < N; i++) {
        const vi fresh = bounded(LT_ISA::nearest((load(x[i] + lane) + shift) / scale_of), low, high) - low;
        const vi q = none ? load_as<vi>(fitted[i] + lane) : fresh;
        int32_t plain[kLanes];
        store_as(plain, q);
        for (int g = 0; g < kLanes; g++) code[i][lane + g] = static_cast<uint8_t>(plain[g]);
      }
    }
  }
};

template <int N, int MOST, bool MAGNITUDES>
LT_INLINE void fit_all(Groups<N> &groups, Search search) {
  for (int lane = 0; lane < kGroups; lane += kLanes) {
    vf x[N], w[N];
    groups.column(lane, x);
    if (MAGNITUDES) {
      for (int i = 0; i < N; i++) w[i] = abs(x[i]);
    } else {
      vf squares = vf{};
      for (int i = 0; i < N; i++) squares += x[i] * x[i];
      vf mean = squares / static_cast<float>(N);
      for (int g = 0; g < kLanes; g++) mean[g] = __builtin_sqrtf(mean[g]);
      for (int i = 0; i < N; i++) w[i] = mean + abs(x[i]);
    }
    const AffineFit fit = fit_affine<N, MOST, MAGNITUDES>(x, w, search);
    store(groups.scale + lane, fit.scale);
    store(groups.minimum + lane, fit.minimum);
    for (int i = 0; i < N; i++) {
      const vi q = bounded(LT_ISA::nearest(fit.multiplier * (x[i] - fit.base)), 0, MOST);
      store_as(groups.fitted[i] + lane, fit.flat ? vi{} : q);
    }
  }
}

LT_INLINE float largest_of(const float *x, int n) {
  float most = 0;
  for (int i = 0; i < n; i++)
    if (x[i] > most) most = x[i];
  return most;
}

/* The element with the largest magnitude, the first of equals. */
LT_INLINE float extreme_of(const float *x, int n, float &magnitude) {
  float value = 0;
  magnitude = 0;
  for (int i = 0; i < n; i++)
    if (__builtin_fabsf(x[i]) > magnitude) magnitude = __builtin_fabsf(x[i]), value = x[i];
  return value;
}

/* Two-bit parts of the codes: byte 32 h + l holds elements l, l + 32, l + 64, l + 96 of half h. */
template <class F>
LT_INLINE void pack_pairs(uint8_t *out, F &&two_bits) {
  for (int h = 0; h < 2; h++)
    for (int l = 0; l < 32; l++) {
      int byte = 0;
      for (int k = 0; k < 4; k++) byte |= two_bits(l % 16, 8 * h + 2 * k + l / 16) << (2 * k);
      out[32 * h + l] = static_cast<uint8_t>(byte);
    }
}

void q2_k(Groups<16> &g, uint8_t *out) {
  fit_all<16, 3, true>(g, {-0.5f, 0.1f, 15});
  uint8_t *scales = out;
  const float scale = largest_of(g.scale, 16), minimum = largest_of(g.minimum, 16);
  const float inverse_scale = 15.0f / scale, inverse_minimum = 15.0f / minimum;
  for (int j = 0; j < 16; j++) scales[j] = scale > 0 ? static_cast<uint8_t>(nearest(inverse_scale * g.scale[j])) : 0;
  if (minimum > 0)
    for (int j = 0; j < 16; j++) scales[j] |= static_cast<uint8_t>(nearest(inverse_minimum * g.minimum[j]) << 4);
  const float d = put_half(out + 80, scale > 0 ? scale / 15.0f : 0.0f), dmin = put_half(out + 82, minimum > 0 ? minimum / 15.0f : 0.0f);
  for (int j = 0; j < 16; j++) {
    g.d[j] = d * static_cast<float>(scales[j] & 15);
    g.dm[j] = dmin * static_cast<float>(scales[j] >> 4);
  }
  g.encode(0, 3);
  pack_pairs(out + 16, [&](int i, int group) { return g.code[i][group]; });
}

void q3_k(Groups<16> &g, uint8_t *out) {
  for (int lane = 0; lane < kGroups; lane += kLanes) {
    vf x[16];
    vi codes[16];
    g.column(lane, x);
    const SymmetricFit fit = fit_by_moves<16>(x, 4, codes);
    store(g.scale + lane, fit.scale);
    for (int i = 0; i < 16; i++) store_as(g.fitted[i] + lane, fit.zero ? vi{} : codes[i] + 4);
  }
  float magnitude;
  const float scale = extreme_of(g.scale, 16, magnitude), inverse = -32.0f / scale;
  uint8_t *packed = out + 96;
  memset(packed, 0, 12);
  float d = 0;
  int levels[16];
  for (int j = 0; j < 16; j++) {
    int level = 0;
    if (scale != 0) {
      level = nearest(inverse * g.scale[j]);
      level = (level < -32 ? -32 : level > 31 ? 31 : level) + 32;
      packed[j % 8] |= static_cast<uint8_t>((level & 15) << (j < 8 ? 0 : 4));
      packed[8 + j % 4] |= static_cast<uint8_t>((level >> 4) << (2 * (j / 4)));
    }
    levels[j] = level - 32;
  }
  d = put_half(out + 108, scale != 0 ? 1.0f / inverse : 0.0f);
  for (int j = 0; j < 16; j++) {
    g.d[j] = d * static_cast<float>(levels[j]);
    g.dm[j] = 0;
  }
  g.encode(-4, 3);
  for (int l = 0; l < 32; l++) {
    int bits = 0;
    for (int k = 0; k < 8; k++) bits |= (g.code[l % 16][2 * k + l / 16] >> 2) << k;
    out[l] = static_cast<uint8_t>(bits);
  }
  pack_pairs(out + 32, [&](int i, int group) { return g.code[i][group] & 3; });
}

/* Eight 6-bit scales and minima in twelve bytes: the low six bits of the first four, then the low nibbles of the others, whose high bits lie on
 * top of the first eight bytes. */
LT_INLINE void pack_scales(uint8_t *p, const uint8_t *scale, const uint8_t *minimum) {
  for (int j = 0; j < 4; j++) {
    p[j] = static_cast<uint8_t>(scale[j] | scale[j + 4] >> 4 << 6);
    p[j + 4] = static_cast<uint8_t>(minimum[j] | minimum[j + 4] >> 4 << 6);
    p[j + 8] = static_cast<uint8_t>((scale[j + 4] & 15) | (minimum[j + 4] & 15) << 4);
  }
}

/* Q4_K and Q5_K, two super-blocks: d, dmin, scales and minima, (Q5_K: fifth bits,) low nibbles. */
template <int BITS>
LT_INLINE void q45_k(Groups<32> &g, int supers, uint8_t *out) {
  constexpr int most = (1 << BITS) - 1, size = BITS == 4 ? 144 : 176;
  fit_all<32, most, false>(g, BITS == 4 ? Search{-1.0f, 0.1f, 20} : Search{-0.5f, 0.1f, 15});
  for (int s = 0; s < 2; s++) {
    const float *scales = g.scale + 8 * s, *minima = g.minimum + 8 * s;
    const float scale = largest_of(scales, 8), minimum = largest_of(minima, 8);
    const float inverse_scale = scale > 0 ? 63.0f / scale : 0.0f, inverse_minimum = minimum > 0 ? 63.0f / minimum : 0.0f;
    uint8_t level[8], low[8], head[16];
    for (int j = 0; j < 8; j++) {
      level[j] = static_cast<uint8_t>(nearest(inverse_scale * scales[j]));
      low[j] = static_cast<uint8_t>(nearest(inverse_minimum * minima[j]));
      if (level[j] > 63) level[j] = 63;
      if (low[j] > 63) low[j] = 63;
    }
    const float d = put_half(head, scale / 63.0f), dmin = put_half(head + 2, minimum / 63.0f);
    pack_scales(head + 4, level, low);
    if (s < supers) memcpy(out + s * size, head, 16);
    for (int j = 0; j < 8; j++) {
      g.d[8 * s + j] = d * static_cast<float>(level[j]);
      g.dm[8 * s + j] = dmin * static_cast<float>(low[j]);
    }
  }
  g.encode(0, most);
  for (int s = 0; s < supers; s++) {
    uint8_t *block = out + s * size, *low = block + (BITS == 4 ? 16 : 48);
    for (int pair = 0; pair < 4; pair++)
      for (int l = 0; l < 32; l++) {
        const uint8_t *code = g.code[l] + 8 * s + 2 * pair;
        low[32 * pair + l] = static_cast<uint8_t>((code[0] & 15) | (code[1] & 15) << 4);
      }
    if (BITS == 4) continue;
    for (int l = 0; l < 32; l++) {
      int bits = 0;
      for (int k = 0; k < 8; k++) bits |= (g.code[l][8 * s + k] >> 4) << k;
      block[16 + l] = static_cast<uint8_t>(bits);
    }
  }
}

void q6_k(Groups<16> &g, uint8_t *out) {
  for (int lane = 0; lane < kGroups; lane += kLanes) {
    vf x[16], w[16];
    g.column(lane, x);
    for (int i = 0; i < 16; i++) w[i] = x[i] * x[i];
    const SymmetricFit fit = fit_symmetric<16>(x, w, 32);
    store(g.scale + lane, fit.scale);
    for (int i = 0; i < 16; i++) {
      const vi q = bounded(LT_ISA::nearest(fit.multiplier * x[i]), -32, 31) + 32;
      store_as(g.fitted[i] + lane, fit.zero ? vi{} : q);
    }
  }
  float magnitude;
  const float scale = extreme_of(g.scale, 16, magnitude), inverse = -128.0f / scale;
  if (magnitude < kNothing) {
    memset(out, 0, 210);
    return;
  }
  const float d = put_half(out + 208, 1.0f / inverse);
  for (int j = 0; j < 16; j++) {
    const int32_t level = nearest(inverse * g.scale[j]);
    const int8_t stored = static_cast<int8_t>(level > 127 ? 127 : level);
    memcpy(out + 192 + j, &stored, 1);
    g.d[j] = d * static_cast<float>(stored);
    g.dm[j] = 0;
  }
  g.encode(-32, 31);
  for (int h = 0; h < 2; h++)
    for (int l = 0; l < 64; l++) {
      const int i = l % 16, group = 8 * h + l / 16;
      out[64 * h + l] = static_cast<uint8_t>((g.code[i][group] & 15) | (g.code[i][group + 4] & 15) << 4);
    }
  pack_pairs(out + 128, [&](int i, int group) { return g.code[i][group] >> 4; });
}

}  // namespace

void quantize_super(int32_t type, const float *x, int64_t blocks, uint8_t *out) {
  if (type == LT_Q4_K || type == LT_Q5_K) {
    Groups<32> groups;
    for (int64_t b = 0; b < blocks; b += 2) {
      const int supers = blocks - b < 2 ? 1 : 2;
      groups.gather(x + b * kSuper, 8 * supers);
      if (type == LT_Q4_K)
        q45_k<4>(groups, supers, out + b * 144);
      else
        q45_k<5>(groups, supers, out + b * 176);
    }
    return;
  }
  Groups<16> groups;
  for (int64_t b = 0; b < blocks; b++) {
    groups.gather(x + b * kSuper, kGroups);
    switch (type) {
      case LT_Q2_K: q2_k(groups, out + b * 84); break;
      case LT_Q3_K: q3_k(groups, out + b * 110); break;
      default: q6_k(groups, out + b * 210); break;
    }
  }
}

}  // namespace luthier::cpu::LT_ISA
