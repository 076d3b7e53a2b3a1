/* lt_nf4_quantize: bitsandbytes' NF4 with or without double quantization. Bytes that must be theirs, so: fp32 in their order of operations,
 * and no contraction. */
#include <algorithm>
#include <cmath>

#include "../core/types.h"
#include "codes.h"
#include "half.h"
#include "ops.h"

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
  for (int64_t i = 0; i < n; i++) x[i] = absmax > 0 ? x[i] * inverse : 0.0f; /* bitsandbytes' CUDA kernel gives code 0 here, its CPU code 7 */
  for (int64_t i = 0; i < n; i++) x[i] = x[i] > 1.0f ? 1.0f : x[i] < -1.0f ? -1.0f : x[i];
  x[n] = 0.0f; /* the spare nibble of an odd end */
  for (int64_t i = 0; i < n; i += 2) packed[i / 2] = static_cast<uint8_t>(nf4_code(x[i]) << 4 | nf4_code(x[i + 1]));
  return absmax;
}

/* The sum of n floats in the order in which PyTorch's CPU kernel adds a contiguous fp32 tensor on one thread (four accumulators of eight
 * lanes, cascaded over four levels): the mean that bitsandbytes takes depends on it in its last bit. x need not be aligned. */
class TorchSum {
 public:
  explicit TorchSum(const char *x) : x_(x) {}

  float operator()(int64_t n) {
    const int64_t vectors = n / kLanes, rounds = vectors / kWays;
    int64_t log = 0;
    while ((int64_t{1} << log) < rounds) log++;
    const int64_t power = std::max<int64_t>(4, log / kLevels), step = int64_t{1} << power;
    int64_t i = 0;
    while (i + step <= rounds) {
      for (const int64_t end = i + step; i < end; i++) add_round(i);
      for (int level = 1; level < kLevels; level++) {
        for (int way = 0; way < kWays; way++) {
          add(acc_[level][way], acc_[level - 1][way]);
          acc_[level - 1][way] = {};
        }
        if (i & (step - 1) << (level * power)) break;
      }
    }
    for (; i < rounds; i++) add_round(i);
    for (int level = 1; level < kLevels; level++)
      for (int way = 0; way < kWays; way++) add(acc_[0][way], acc_[level][way]);
    for (int64_t v = rounds * kWays; v < vectors; v++) add(acc_[0][0], load(v));
    for (int way = 1; way < kWays; way++) add(acc_[0][0], acc_[0][way]);
    float sum = 0;
    for (int64_t k = vectors * kLanes; k < n; k++) {
      float x;
      memcpy(&x, x_ + 4 * k, 4);
      sum += x;
    }
    for (float lane : acc_[0][0].lane) sum += lane;
    return sum;
  }

 private:
  static constexpr int kLanes = 8, kWays = 4, kLevels = 4;
  struct Vector {
    float lane[kLanes];
  };

  static void add(Vector &a, const Vector &b) {
    for (int k = 0; k < kLanes; k++) a.lane[k] += b.lane[k];
  }
  Vector load(int64_t v) const {
    Vector x;
    memcpy(&x, x_ + v * static_cast<int64_t>(sizeof x), sizeof x);
    return x;
  }
  void add_round(int64_t i) {
    for (int way = 0; way < kWays; way++) add(acc_[0][way], load(i * kWays + way));
  }

  const char *x_;
  Vector acc_[kLevels][kWays] = {};
};

/* The scales of all blocks, quantized to 8 bits around their mean: absmax, nested_absmax, nested_offset of w. `scales` is room for them. */
void quantize_scales(Cpu &cpu, lt_matrix &w, const Source &source, int64_t blocks, char *scales) {
  cpu.pool.parallel_chunks(blocks, kNested, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; b++) {
      float x[kBlock];
      const float absmax = largest_magnitude(x, source.load(b, x));
      memcpy(scales + 4 * b, &absmax, 4);
    }
  });
  const float offset = TorchSum(scales)(blocks) / static_cast<float>(blocks);
  w.nested_offset = offset;
  cpu.pool.parallel_chunks(blocks, kNested, [&](int64_t begin, int64_t end, int) {
    const int64_t count = end - begin;
    float centred[kNested];
    memcpy(centred, scales + 4 * begin, 4 * count);
    for (int64_t i = 0; i < count; i++) centred[i] -= offset;
    const float most = largest_magnitude(centred, count), inverse = 1.0f / most;
    ptr<float>(w.nested_absmax)[begin / kNested] = most;
    for (int64_t i = 0; i < count; i++)
      ptr<uint8_t>(w.absmax)[begin + i] = nearest(codes.dynamic_signed, most > 0 ? centred[i] * inverse : 0.0f);
  });
}

}  // namespace

void nf4_quantize(Cpu &cpu, lt_matrix &w, const lt_tensor &x) {
  const Source source{x};
  const int64_t blocks = ceil_div(x.rows * x.cols, kBlock);
  const bool nested = w.nested_absmax != 0;
  w.nested_offset = 0;
  if (blocks == 0) return;
  if (nested) {
    /* The scales stay in the place of the codes (an eighth of it) until their mean is known. A single block may be smaller than a float. */
    char one[4];
    quantize_scales(cpu, w, source, blocks, blocks == 1 ? one : ptr<char>(w.data));
  }
  cpu.pool.parallel_chunks(blocks, kNested, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; b++) {
      const float absmax = quantize_block(source, b, ptr<uint8_t>(w.data) + b * kBlock / 2);
      if (!nested) ptr<float>(w.absmax)[b] = absmax;
    }
  });
}

}  // namespace luthier::cpu
