/* Floats to GGUF's super-blocks of 256 (Q2_K to Q6_K), with the bytes that llama.cpp's quantizers write: each group of 16 or 32 elements gets
 * the scale (and minimum) of a search (quantize_search.h), the super-block's scales are quantized in their turn, and the elements are rounded
 * once more with what is left of them. Layouts: expand.cpp. One rounding per operation, so the processor makes no difference. */
#include "quantize_search.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int kSuper = 256;

/* Super-blocks whose groups fill the lanes, and what the search found for their groups of N. */
template <int N>
struct Batch {
  static constexpr int kGroups = kSuper / N;
  static constexpr int kBlocks = kLanes > kGroups ? kLanes / kGroups : 1;
  static constexpr int kAll = kBlocks * kGroups;

  float x[kBlocks * kSuper], importance[kBlocks * kSuper];
  float scale[kAll], min[kAll], inverse[kAll], base[kAll];
  float weight[kAll];              /* of a group's elements together */
  uint8_t codes[kBlocks * kSuper]; /* of the search, where it is one that keeps them; then the final ones */
};

LT_INLINE void put_half(uint8_t *p, float f) { store_as(p, narrow(splat(f), f16{})[0]); }

LT_INLINE float half_at(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, 2);
  const f16 one[1] = {{bits}};
  return load(one, 1)[0];
}

/* search(x, importance, mean square of the super-block, first group) for kLanes groups at a time; the mean square only with importance. */
template <int N, class F>
LT_INLINE void for_groups(Batch<N> &b, bool importance, F &&search) {
  vf x[N], w[N];
  float squares[Batch<N>::kAll] = {};
  if (importance)
    for (int g = 0; g < Batch<N>::kAll; g++)
      squares[g] = g % Batch<N>::kGroups ? squares[g - 1] : sum_of_squares(b.x + g * N, kSuper);
  for (int g = 0; g < Batch<N>::kAll; g += kLanes) {
    across<N>(b.x + g * N, x);
    if (importance) across<N>(b.importance + g * N, w);
    search(x, w, load(squares + g), g);
  }
}

template <int N>
LT_INLINE vf total(const vf *w) {
  vf sum{};
  for (int i = 0; i < N; i++) sum += w[i];
  return sum;
}

template <int N>
LT_INLINE void keep(Batch<N> &b, const Fit<vf> &fit, vf weight, int g) {
  store(b.scale + g, fit.scale);
  store(b.min + g, fit.min);
  store(b.inverse + g, fit.inverse);
  store(b.base + g, fit.base);
  store(b.weight + g, weight);
}

/* ---- bits: code of element i of a super-block, in the order of each layout */

/* Bits [2k, 2k + 2) of byte j of each half's 32 are element 32k + j's: its code shifted right by `shift`. */
LT_INLINE void put_two_bits(const uint8_t *codes, int shift, uint8_t *out) {
  for (int half = 0; half < 2; half++)
    for (int j = 0; j < 32; j++) {
      const uint8_t *c = codes + 128 * half + j;
      out[32 * half + j] = static_cast<uint8_t>((c[0] >> shift & 3) | (c[32] >> shift & 3) << 2 | (c[64] >> shift & 3) << 4 | (c[96] >> shift & 3) << 6);
    }
}

/* Bit k of byte j is bit `bit` of the code of element 32k + j. */
LT_INLINE void put_one_bit(const uint8_t *codes, int bit, uint8_t *out) {
  for (int j = 0; j < 32; j++) {
    unsigned byte = 0;
    for (int k = 0; k < 8; k++) byte |= (codes[32 * k + j] >> bit & 1u) << k;
    out[j] = static_cast<uint8_t>(byte);
  }
}

/* Low nibbles of elements at + j and at + DISTANCE + j in one byte, for each stretch of 2 * DISTANCE. */
template <int DISTANCE>
LT_INLINE void put_nibbles(const uint8_t *codes, uint8_t *out) {
  for (int at = 0; at < kSuper; at += 2 * DISTANCE)
    for (int j = 0; j < DISTANCE; j++) out[at / 2 + j] = static_cast<uint8_t>((codes[at + j] & 15) | codes[at + DISTANCE + j] << 4);
}

/* ---- with a minimum: Q2_K, Q4_K, Q5_K */

struct Q2K {
  static constexpr int kGroup = 16, kMost = 3, kScaleMost = 15, kBytes = 84, kHalves = 80;
  static constexpr bool kAbsolute = true;
  static constexpr Tries kTries = {-0.5f, 0.1f, 15};
  static constexpr float kSpread = 1; /* times the mean square in an element's weight */

  static LT_INLINE void weights(const vf *x, vf *w) {
    for (int i = 0; i < kGroup; i++) w[i] = abs(x[i]);
  }
  static LT_INLINE void pack(const uint8_t *codes, const uint8_t *scale, const uint8_t *min, uint8_t *out) {
    for (int i = 0; i < 16; i++) out[i] = static_cast<uint8_t>(scale[i] | min[i] << 4);
    put_two_bits(codes, 0, out + 16);
  }
};

template <int BITS>
struct Q45K {
  static constexpr int kGroup = 32, kMost = (1 << BITS) - 1, kScaleMost = 63, kBytes = 16 + 32 * BITS, kHalves = 0;
  static constexpr bool kAbsolute = false;
  static constexpr Tries kTries = BITS == 4 ? Tries{-1.0f, 0.1f, 20} : Tries{-0.5f, 0.1f, 15};
  static constexpr float kSpread = 2;

  static LT_INLINE void weights(const vf *x, vf *w) {
    vf squares{};
    for (int i = 0; i < kGroup; i++) squares += x[i] * x[i];
    const vf average = square_root(squares / static_cast<float>(kGroup));
    for (int i = 0; i < kGroup; i++) w[i] = average + abs(x[i]);
  }
  static LT_INLINE void pack(const uint8_t *codes, const uint8_t *scale, const uint8_t *min, uint8_t *out) {
    uint8_t *p = out + 4;
    for (int i = 0; i < 4; i++) {
      p[i] = static_cast<uint8_t>(scale[i] | scale[i + 4] >> 4 << 6);
      p[i + 4] = static_cast<uint8_t>(min[i] | min[i + 4] >> 4 << 6);
      p[i + 8] = static_cast<uint8_t>((scale[i + 4] & 15) | (min[i + 4] & 15) << 4);
    }
    if (BITS == 5) put_one_bit(codes, 4, out + 16);
    put_nibbles<32>(codes, out + (BITS == 5 ? 48 : 16));
  }
};

/* Codes in [0, most] for n scales, the largest at the top; returns their scale. */
LT_INLINE float even_codes(const float *x, int n, int32_t most, uint8_t *codes) {
  float largest = 0;
  for (int i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  const float inverse = largest > 0 ? static_cast<float>(most) / largest : 0.0f;
  for (int i = 0; i < n; i++) codes[i] = static_cast<uint8_t>(clamp(nearest(inverse * x[i]), 0, most));
  return largest / static_cast<float>(most);
}

template <class F>
LT_INLINE void affine(Batch<F::kGroup> &b, bool importance, int blocks, uint8_t *out) {
  constexpr int N = F::kGroup, groups = kSuper / N;
  for_groups<N>(b, importance, [&](const vf *x, vf *w, vf squares, int g) {
    if (!importance) {
      F::weights(x, w);
      keep<N>(b, affine_fit<N, F::kAbsolute, false>(x, w, F::kMost, F::kTries), vf{}, g);
    } else {
      const vf mean = F::kSpread * squares / static_cast<float>(kSuper);
      for (int i = 0; i < N; i++) w[i] = weigh(w[i], mean, x[i]);
      keep<N>(b, affine_fit<N, false, true>(x, w, F::kMost, {-0.9f, 0.05f, 36}), total<N>(w), g);
    }
  });
  for (int block = 0; block < blocks; block++, out += F::kBytes) {
    const int first = block * groups;
    uint8_t scale[groups], min[groups];
    put_half(out + F::kHalves, importance ? positive_fit(b.scale + first, b.weight + first, groups, F::kScaleMost, scale)
                                          : even_codes(b.scale + first, groups, F::kScaleMost, scale));
    put_half(out + F::kHalves + 2, importance ? positive_fit(b.min + first, b.weight + first, groups, F::kScaleMost, min)
                                              : even_codes(b.min + first, groups, F::kScaleMost, min));
    const float d = half_at(out + F::kHalves), dmin = half_at(out + F::kHalves + 2);
    for (int i = 0; i < groups; i++) {
      const int g = first + i;
      const float step = d * real(scale[i]), low = dmin * real(min[i]);
      uint8_t *codes = b.codes + g * N;
      if (step != 0)
        to_codes(b.x + g * N, N, codes, [&](vf x) { return clamp(nearest((x + low) / step), 0, F::kMost); });
      else if (b.inverse[g] != 0)
        to_codes(b.x + g * N, N, codes, [&](vf x) { return clamp(nearest(b.inverse[g] * (x - b.base[g])), 0, F::kMost); });
      else
        memset(codes, 0, N);
    }
    F::pack(b.codes + block * kSuper, scale, min, out);
  }
}

/* ---- symmetric: Q3_K, Q6_K */

/* The codes with which a super-block's groups end: those of their quantized scales, or, where that is 0, `first(group, codes)`. */
template <class F>
LT_INLINE void round_again(Batch<16> &b, int block, float d, const int32_t *scale, int32_t most, F &&first) {
  for (int i = 0; i < 16; i++) {
    const int g = 16 * block + i;
    const float step = d * real(scale[i]);
    if (step != 0)
      to_codes(b.x + 16 * g, 16, b.codes + 16 * g, [&](vf x) { return clamp(nearest(x / step), -most, most - 1) + most; });
    else
      first(g, b.codes + 16 * g);
  }
}

LT_INLINE void codes_of_fit(const Batch<16> &b, int g, int32_t most, uint8_t *codes) {
  if (b.inverse[g] != 0)
    to_codes(b.x + 16 * g, 16, codes, [&](vf x) { return clamp(nearest(b.inverse[g] * x), -most, most - 1) + most; });
  else
    memset(codes, 0, 16);
}

/* The scale with the largest magnitude, the first of equals. */
LT_INLINE float extreme_scale(const float *scale, float &most) { return extreme<16>(scale, most); }

void q3_k(Batch<16> &b, bool importance, int blocks, uint8_t *out) {
  constexpr int most = 4;
  for_groups<16>(b, importance, [&](const vf *x, vf *w, vf squares, int g) {
    if (!importance) {
      vf l[16];
      store(b.scale + g, descend<16>(x, most, l));
      for (int i = 0; i < 16; i++)
        for (int lane = 0; lane < kLanes; lane++) b.codes[16 * (g + lane) + i] = static_cast<uint8_t>(static_cast<int32_t>(l[i][lane]) + most);
    } else {
      const vf mean = 2.0f * squares / static_cast<float>(kSuper);
      for (int i = 0; i < 16; i++) w[i] = weigh(w[i], mean, x[i]);
      keep<16>(b, symmetric_fit<16>(x, w, most), total<16>(w), g);
    }
  });
  for (int block = 0; block < blocks; block++, out += 110) {
    const float *scales = b.scale + 16 * block;
    int32_t scale[16]; /* plus 32 */
    float d = 0;
    if (importance) {
      const Fit<float> fit = symmetric_fit<16>(scales, b.weight + 16 * block, 32);
      d = fit.scale;
      for (int i = 0; i < 16; i++) scale[i] = fit.inverse != 0 ? clamp(nearest(fit.inverse * scales[i]), -32, 31) + 32 : 0;
    } else {
      float largest;
      const float end = extreme_scale(scales, largest), inverse = -32.0f / end;
      if (end != 0) d = 1.0f / inverse;
      for (int i = 0; i < 16; i++) scale[i] = end != 0 ? clamp(static_cast<int8_t>(nearest(inverse * scales[i])), -32, 31) + 32 : 0;
    }
    put_half(out + 108, d);
    memset(out + 96, 0, 12);
    for (int i = 0; i < 16; i++) {
      out[96 + i % 8] |= static_cast<uint8_t>((scale[i] & 15) << (i < 8 ? 0 : 4));
      out[104 + i % 4] |= static_cast<uint8_t>(scale[i] >> 4 << i / 4 * 2);
      scale[i] -= 32;
    }
    round_again(b, block, half_at(out + 108), scale, most, [&](int g, uint8_t *codes) {
      if (importance) codes_of_fit(b, g, most, codes);
    });
    put_one_bit(b.codes + block * kSuper, 2, out);
    put_two_bits(b.codes + block * kSuper, 0, out + 32);
  }
}

void q6_k(Batch<16> &b, bool importance, int blocks, uint8_t *out) {
  constexpr int most = 32;
  for_groups<16>(b, importance, [&](const vf *x, vf *w, vf, int g) {
    if (!importance)
      for (int i = 0; i < 16; i++) w[i] = x[i] * x[i];
    keep<16>(b, symmetric_fit<16>(x, w, most), vf{}, g);
  });
  for (int block = 0; block < blocks; block++, out += 210) {
    const float *scales = b.scale + 16 * block;
    float largest;
    const float inverse = -128.0f / extreme_scale(scales, largest);
    if (largest < kZeroGroup) {
      memset(out, 0, 210);
      continue;
    }
    put_half(out + 208, 1.0f / inverse);
    int32_t scale[16];
    for (int i = 0; i < 16; i++) {
      const int32_t s = nearest(inverse * scales[i]);
      scale[i] = static_cast<int8_t>(s < 127 ? s : 127);
      out[192 + i] = static_cast<uint8_t>(scale[i]);
    }
    round_again(b, block, half_at(out + 208), scale, most, [&](int g, uint8_t *codes) { codes_of_fit(b, g, most, codes); });
    put_nibbles<64>(b.codes + block * kSuper, out);
    put_two_bits(b.codes + block * kSuper, 4, out + 128);
  }
}

/* ---- batches */

/* A batch's values and importances side by side; blocks that there are not are of zeros. */
template <int N, class F>
LT_INLINE void for_batches(const float *src, const float *importance, int64_t cols, int64_t begin, int64_t end, F &&quantize) {
  Batch<N> b;
  constexpr int64_t step = Batch<N>::kBlocks, bytes = kSuper * sizeof(float);
  for (int64_t at = begin; at < end; at += step) {
    const int64_t blocks = end - at < step ? end - at : step;
    memcpy(b.x, src + at * kSuper, blocks * bytes);
    memset(b.x + blocks * kSuper, 0, (step - blocks) * bytes);
    if (importance)
      for (int64_t i = 0; i < step; i++) memcpy(b.importance + i * kSuper, importance + (at + (i < blocks ? i : 0)) * kSuper % cols, bytes);
    quantize(b, static_cast<int>(blocks), at - begin);
  }
}

}  // namespace

void quantize_k(uint8_t *dst, int32_t type, const float *src, int64_t begin, int64_t end, const float *importance, int64_t cols) {
  const auto run = [&](auto quantize, int bytes) {
    return [=](auto &b, int blocks, int64_t at) { quantize(b, importance != nullptr, blocks, dst + at * bytes); };
  };
  switch (type) {
    case LT_Q2_K: return for_batches<16>(src, importance, cols, begin, end, run(affine<Q2K>, 84));
    case LT_Q3_K: return for_batches<16>(src, importance, cols, begin, end, run(q3_k, 110));
    case LT_Q4_K: return for_batches<32>(src, importance, cols, begin, end, run(affine<Q45K<4>>, 144));
    case LT_Q5_K: return for_batches<32>(src, importance, cols, begin, end, run(affine<Q45K<5>>, 176));
    default: return for_batches<16>(src, importance, cols, begin, end, run(q6_k, 210));
  }
}

}  // namespace luthier::cpu::LT_ISA
