/* F16 and BF16 as bits, one value at a time: for files compiled once. Round to nearest even, NaN stays a (quiet) NaN. */
#pragma once

#include <cstdint>
#include <cstring>

namespace luthier::cpu {

inline uint32_t bits_of(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}

inline float float_of(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}

inline float from_bf16(uint16_t h) { return float_of(static_cast<uint32_t>(h) << 16); }

inline uint16_t to_bf16(float f) {
  const uint32_t u = bits_of(f);
  if ((u & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(u >> 16 | 0x40);
  return static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

inline float from_f16(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, rest = static_cast<uint32_t>(h & 0x7fff) << 13;
  if (rest >= 0x7c00u << 13) return float_of(sign | 0x7f800000 | (rest & 0x7fffff) | (rest & 0x7fffff ? 0x400000 : 0));
  return float_of(sign | bits_of(float_of(rest) * 0x1p112f)); /* rebias; subnormals come out right too */
}

inline uint16_t to_f16(float f) {
  const uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, rest = u & 0x7fffffff;
  uint32_t h;
  if (rest > 0x7f800000)
    h = 0x7e00 | (rest >> 13 & 0x3ff);
  else if (rest >= 0x477ff000) /* 65520 and more */
    h = 0x7c00;
  else if (rest < 0x38800000) /* below 2^-14: let the addition round to a multiple of 2^-24 */
    h = bits_of(float_of(rest) + 0.5f) - 0x3f000000;
  else
    h = (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13;
  return static_cast<uint16_t>(sign | h);
}

}  // namespace luthier::cpu
