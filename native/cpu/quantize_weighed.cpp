/* Floats to Q4_0, Q4_1, Q5_0 and Q5_1 with importance, with llama.cpp's bytes: an element's weight is its importance times
 * sqrt(mean square of the row + x^2), and each block of 32 gets the scale (and minimum) of a search (quantize_search.h). Without importance:
 * quantize.cpp. Layouts: expand.cpp. */
#include "quantize_search.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int kBlock = 32;

/* d[2], then m[2] where there is a minimum, then four bytes of fifth bits where BITS is 5, then nibbles: elements j and j + 16 in byte j. */
template <int BITS, bool MINIMUM>
LT_INLINE void pack(float d, float m, const uint8_t *codes, uint8_t *out) {
  store_as(out, narrow(splat(d), f16{})[0]);
  out += 2;
  if (MINIMUM) {
    store_as(out, narrow(splat(m), f16{})[0]);
    out += 2;
  }
  if (BITS == 5) {
    uint32_t fifth = 0;
    for (int i = 0; i < kBlock; i++) fifth |= static_cast<uint32_t>(codes[i] >> 4) << i;
    store_as(out, fifth);
    out += 4;
  }
  for (int j = 0; j < kBlock / 2; j++) out[j] = static_cast<uint8_t>((codes[j] & 15) | codes[j + kBlock / 2] << 4);
}

template <int BITS, bool MINIMUM>
void quantize_row(uint8_t *dst, const float *src, const float *importance, int64_t cols) {
  constexpr int bytes = 2 + 2 * MINIMUM + kBlock * BITS / 8, most = MINIMUM ? (1 << BITS) - 1 : 1 << (BITS - 1);
  const vf mean = splat(sum_of_squares(src, cols) / static_cast<float>(cols));
  float part[kLanes * kBlock], part_importance[kLanes * kBlock], scale[kLanes], min[kLanes], inverse[kLanes], base[kLanes];
  for (int64_t at = 0; at < cols; at += kLanes * kBlock) {
    /* kLanes blocks; those that there are not are of zeros */
    const int64_t n = cols - at < kLanes * kBlock ? cols - at : kLanes * kBlock;
    memset(part, 0, sizeof part);
    memset(part_importance, 0, sizeof part_importance);
    memcpy(part, src + at, n * sizeof(float));
    memcpy(part_importance, importance + at, n * sizeof(float));
    vf x[kBlock], w[kBlock];
    across<kBlock>(part, x);
    across<kBlock>(part_importance, w);
    for (int i = 0; i < kBlock; i++) w[i] = weigh(w[i], mean, x[i]);
    Fit<vf> fit;
    if constexpr (MINIMUM)
      fit = affine_fit<kBlock, false, true>(x, w, most, {-0.9f, 0.05f, 36});
    else
      fit = symmetric_fit<kBlock>(x, w, most);
    store(scale, fit.scale);
    store(min, fit.min);
    store(inverse, fit.inverse);
    store(base, fit.base);
    for (int block = 0; block < n / kBlock; block++, dst += bytes) {
      alignas(64) uint8_t codes[kBlock] = {};
      if (inverse[block] != 0)
        to_codes(part + block * kBlock, kBlock, codes, [&](vf v) {
          const vi code = nearest(inverse[block] * (v - base[block]));
          return MINIMUM ? clamp(code, 0, most) : clamp(code, -most, most - 1) + most;
        });
      pack<BITS, MINIMUM>(scale[block], -min[block], codes, dst);
    }
  }
}

}  // namespace

void quantize_weighed(uint8_t *dst, int32_t type, const float *src, const float *importance, int64_t cols) {
  switch (type) {
    case LT_Q4_0: return quantize_row<4, false>(dst, src, importance, cols);
    case LT_Q4_1: return quantize_row<4, true>(dst, src, importance, cols);
    case LT_Q5_0: return quantize_row<5, false>(dst, src, importance, cols);
    default: return quantize_row<5, true>(dst, src, importance, cols);
  }
}

}  // namespace luthier::cpu::LT_ISA
