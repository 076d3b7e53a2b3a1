/* lt_nf4_quantize: bitsandbytes' NF4 with or without double quantization. Bytes that must be theirs, so: fp32 in their order of operations,
 * and no contraction. Reads x two times (three with double quantization) rather than keep its block scales somewhere. */
#include <cmath>

#include "../core/types.h"
#include "codes.h"
#include "half.h"
#include "ops.h"
#include "reduce.h"

namespace luthier::cpu {
namespace {

constexpr int64_t kBlock = 64;          /* weights that share a scale */
constexpr int64_t kNested = 256;        /* scales that share a nested scale */

/* The flattened matrix as floats, a block at a time. */
struct Source {
  const lt_tensor &x;

  float at(int64_t row, int64_t col) const {
    const int64_t i = row * x.row_stride + col;
    switch (x.dtype) {
      case LT_F32: return ptr<const float>(x.data)[i];
      case LT_F16: return from_f16(ptr<const uint16_t>(x.data)[i]);
      default: return from_bf16(ptr<const uint16_t>(x.data)[i]);
    }
  }

  /* Elements [block * 64, ...) of the flattened matrix; returns how many there are. */
  int64_t load(int64_t block, float *out) const {
    const int64_t begin = block * kBlock, end = begin + kBlock < x.rows * x.cols ? begin + kBlock : x.rows * x.cols;
    int64_t row = begin / x.cols, col = begin % x.cols;
    for (int64_t i = begin; i < end; i++) {
      out[i - begin] = at(row, col);
      if (++col == x.cols) col = 0, row++;
    }
    return end - begin;
  }
};

float largest_magnitude(const float *x, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; i++) {
    const float a = std::fabs(x[i]);
    if (!(a <= most)) most = a; /* a NaN becomes the scale and is seen */
  }
  return most;
}

float block_absmax(const Source &source, int64_t block) {
  float x[kBlock];
  return largest_magnitude(x, source.load(block, x));
}

uint8_t nf4_code(float x) {
  int code = 0;
  for (float midpoint : codes.nf4_midpoints) code += midpoint < x;
  return static_cast<uint8_t>(code);
}

/* The codes of one block; returns its scale. */
float quantize_block(const Source &source, int64_t block, uint8_t *packed) {
  float x[kBlock + 1];
  const int64_t n = source.load(block, x);
  const float absmax = largest_magnitude(x, n), inverse = 1.0f / absmax;
  for (int64_t i = 0; i < n; i++) x[i] = absmax > 0 ? x[i] * inverse : 0.0f;
  for (int64_t i = 0; i < n; i++) x[i] = x[i] > 1.0f ? 1.0f : x[i] < -1.0f ? -1.0f : x[i];
  x[n] = 0.0f; /* the spare nibble of an odd end */
  for (int64_t i = 0; i < n; i += 2) packed[i / 2] = static_cast<uint8_t>(nf4_code(x[i]) << 4 | nf4_code(x[i + 1]));
  return absmax;
}

}  // namespace

void nf4_quantize(Cpu &cpu, lt_matrix &w, const lt_tensor &x) {
  const Source source{x};
  const int64_t n = x.rows * x.cols, blocks = ceil_div(n, kBlock);
  const bool nested = w.nested_absmax != 0;
  w.nested_offset = 0;
  if (n == 0) return;

  /* Codes, and the sum of the scales in fp64. */
  double sums[kMostParts] = {};
  const int64_t part = part_size(blocks, kNested);
  cpu.pool.parallel_chunks(blocks, part, [&](int64_t begin, int64_t end, int) {
    double sum = 0;
    for (int64_t b = begin; b < end; b++) {
      const float absmax = quantize_block(source, b, ptr<uint8_t>(w.data) + b * kBlock / 2);
      if (!nested) ptr<float>(w.absmax)[b] = absmax;
      sum += absmax;
    }
    sums[begin / part] = sum;
  });
  if (!nested) return;
  double sum = 0;
  for (double s : sums) sum += s;
  const float offset = static_cast<float>(sum) / static_cast<float>(blocks);
  w.nested_offset = offset;

  cpu.pool.parallel_for(ceil_div(blocks, kNested), [&](int64_t group, int) {
    const int64_t first = group * kNested, count = blocks - first < kNested ? blocks - first : kNested;
    float centred[kNested];
    for (int64_t i = 0; i < count; i++) centred[i] = block_absmax(source, first + i) - offset;
    const float most = largest_magnitude(centred, count), inverse = 1.0f / most;
    ptr<float>(w.nested_absmax)[group] = most;
    for (int64_t i = 0; i < count; i++)
      ptr<uint8_t>(w.absmax)[first + i] = nearest(codes.dynamic_signed, most > 0 ? centred[i] * inverse : 0.0f);
  });
}

}  // namespace luthier::cpu
