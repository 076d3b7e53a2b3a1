#include "codes.h"

#include <algorithm>
#include <cmath>

namespace luthier::cpu {
namespace {

/* Rounded quantiles of the normal distribution, as published. */
constexpr float kNf4[16] = {-1.0f,
                            -0.6961928009986877f,
                            -0.5250730514526367f,
                            -0.39491748809814453f,
                            -0.28444138169288635f,
                            -0.18477343022823334f,
                            -0.09105003625154495f,
                            0.0f,
                            0.07958029955625534f,
                            0.16093020141124725f,
                            0.24611230194568634f,
                            0.33791524171829224f,
                            0.44070982933044434f,
                            0.5626170039176941f,
                            0.7229568362236023f,
                            1.0f};

/* Point i of n equally spaced ones from 0.1 to 1, each half counted from its own end (as torch.linspace does in fp32). */
float boundary(int i, int n) {
  const float step = (1.0f - 0.1f) / static_cast<float>(n - 1);
  return i < n / 2 ? 0.1f + step * static_cast<float>(i) : 1.0f - step * static_cast<float>(n - i - 1);
}

/* Dynamic code: seven decades from 1e-6 to 1. Decade i has 2^i (unsigned: 2^(i+1)) values, the middles of equal parts of [0.1, 1],
 * each with both signs in the signed code; 0 and 1 complete it to 256. */
void dynamic_code(float *out, bool with_sign) {
  int n = 0;
  for (int decade = 0; decade < 7; decade++) {
    const int points = (1 << (with_sign ? decade : decade + 1)) + 1;
    const float scale = static_cast<float>(std::pow(10.0, decade - 6));
    for (int i = 0; i + 1 < points; i++) {
      const float value = scale * ((boundary(i, points) + boundary(i + 1, points)) / 2.0f);
      out[n++] = value;
      if (with_sign) out[n++] = -value;
    }
  }
  out[n++] = 0.0f;
  out[n++] = 1.0f;
  std::sort(out, out + n);
}

}  // namespace

Codes::Codes() {
  std::copy(kNf4, kNf4 + 16, nf4);
  for (int i = 0; i < 15; i++) nf4_midpoints[i] = (nf4[i] + nf4[i + 1]) / 2.0f;
  dynamic_code(dynamic_signed, true);
  dynamic_code(dynamic_unsigned, false);
}

const Codes codes;

uint8_t nearest(const float *code, float x) {
  int low = 0; /* the last entry that is not above x, or the first */
  for (int step = 128; step > 0; step /= 2)
    if (code[low + step] <= x) low += step;
  if (low < 255 && code[low + 1] - x < x - code[low]) low++;
  return static_cast<uint8_t>(low);
}

}  // namespace luthier::cpu
