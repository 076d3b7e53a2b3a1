/* lt_quantize_rows: floats to GGUF's blocks, with the bytes that llama.cpp's reference quantizers write. They are built for plain SSE2, so:
 * no contraction, one rounding per operation. Here the blocks of 32 without importance; quantize_k.cpp and quantize_weighed.cpp have the rest,
 * compiled for each set of instructions because their searches take long. */
#include <cmath>

#include "../core/types.h"
#include "half.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

constexpr int kBlock = 32;

void put16(uint8_t *p, uint16_t h) { memcpy(p, &h, 2); }
void put32(uint8_t *p, uint32_t u) { memcpy(p, &u, 4); }

void to_f32_row(const float *x, uint8_t *out) { memcpy(out, x, 4); }
void to_f16_row(const float *x, uint8_t *out) { put16(out, to_f16(*x)); }
void to_bf16_row(const float *x, uint8_t *out) { put16(out, to_bf16(*x)); }

/* The element with the largest magnitude, the first of equals. */
float extreme(const float *x) {
  float most = 0, value = 0;
  for (int i = 0; i < kBlock; i++)
    if (std::fabs(x[i]) > most) most = std::fabs(x[i]), value = x[i];
  return value;
}

/* Four or five bits an element: the low nibbles of elements j and j + 16 in byte j, the fifth bits in one word. */
template <int BITS>
void pack(const float *x, float shift, float scale, float round, uint8_t *high, uint8_t *low) {
  constexpr int most = (1 << BITS) - 1;
  uint32_t fifth = 0;
  for (int j = 0; j < kBlock / 2; j++) {
    int q[2];
    for (int half = 0; half < 2; half++) {
      const int value = static_cast<int>((x[j + half * kBlock / 2] - shift) * scale + round);
      q[half] = value < most ? value : most;
      fifth |= static_cast<uint32_t>(q[half] >> 4 & 1) << (j + half * kBlock / 2);
    }
    low[j] = static_cast<uint8_t>((q[0] & 15) | (q[1] & 15) << 4);
  }
  if (BITS == 5) put32(high, fifth);
}

/* Symmetric (Q4_0, Q5_0): x = d (q - 2^(BITS-1)), the extreme element exactly at -2^(BITS-1). */
template <int BITS>
void to_symmetric(const float *x, uint8_t *out) {
  constexpr float half = 1 << (BITS - 1);
  const float d = extreme(x) / -half;
  put16(out, to_f16(d));
  pack<BITS>(x, 0.0f, d != 0 ? 1.0f / d : 0.0f, half + 0.5f, out + 2, out + (BITS == 5 ? 6 : 2));
}

/* With a minimum (Q4_1, Q5_1): x = d q + m. */
template <int BITS>
void to_affine(const float *x, uint8_t *out) {
  float low = x[0], high = x[0];
  for (int i = 1; i < kBlock; i++) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  const float d = (high - low) / ((1 << BITS) - 1);
  put16(out, to_f16(d));
  put16(out + 2, to_f16(low));
  pack<BITS>(x, low, d != 0 ? 1.0f / d : 0.0f, 0.5f, out + 4, out + (BITS == 5 ? 8 : 4));
}

void to_q8_0(const float *x, uint8_t *out) {
  const float d = std::fabs(extreme(x)) / 127.0f, scale = d != 0 ? 1.0f / d : 0.0f;
  put16(out, to_f16(d));
  for (int i = 0; i < kBlock; i++) out[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(x[i] * scale)));
}

struct Quantizer {
  int32_t type;
  void (*block)(const float *x, uint8_t *out);
  bool weighs; /* llama.cpp's bytes depend on importance */
};

constexpr Quantizer kQuantizers[] = {
    {LT_F32, to_f32_row, false},   {LT_F16, to_f16_row, false},     {LT_BF16, to_bf16_row, false},  {LT_Q4_0, to_symmetric<4>, true},
    {LT_Q4_1, to_affine<4>, true}, {LT_Q5_0, to_symmetric<5>, true}, {LT_Q5_1, to_affine<5>, true}, {LT_Q8_0, to_q8_0, false},
};

}  // namespace

void quantize_rows(Cpu &cpu, void *dst, int32_t type, const float *src, int64_t rows, int64_t cols, const float *importance) {
  const Type &t = kTypes[type];
  uint8_t *out = static_cast<uint8_t *>(dst);
  const int64_t row_blocks = cols / t.block, blocks = rows * row_blocks;
  for (const Quantizer &q : kQuantizers) {
    if (q.type != type) continue;
    if (importance && q.weighs) {
      cpu.pool.parallel_for(rows, [&](int64_t row, int) {
        cpu.kernels.quantize_weighed(out + row * row_blocks * t.bytes, type, src + row * cols, importance, cols);
      });
    } else {
      cpu.pool.parallel_chunks(blocks, 32768 / t.block, [&](int64_t begin, int64_t end, int) {
        for (int64_t b = begin; b < end; b++) q.block(src + b * t.block, out + b * t.bytes);
      });
    }
    return;
  }
  cpu.pool.parallel_chunks(blocks, 32, [&](int64_t begin, int64_t end, int) {
    cpu.kernels.quantize_k(out + begin * t.bytes, type, src, begin, end, importance, cols);
  });
}

}  // namespace luthier::cpu
