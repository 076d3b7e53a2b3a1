/* lt_nf4_quantize: bitsandbytes' NF4 with or without double quantization. Bytes that must be theirs, so: fp32 in their order of operations,
 * and no contraction. */
#include "../core/types.h"
#include "codes.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

constexpr int64_t kBlock = 64;          /* weights that share a scale */
constexpr int64_t kNested = 256;        /* scales that share a nested scale */

/* The flattened matrix as floats, a block at a time. */
template <class T>
struct Source {
  const lt_tensor &x;

  /* Elements [block * 64, ...) of the flattened matrix; a short last block is filled with zeros. Returns how many there are. */
  int64_t load_block(int64_t block, float *out) const {
    const int64_t begin = block * kBlock, left = x.rows * x.cols - begin, n = left < kBlock ? left : kBlock;
    for (int64_t i = 0; i < n;) {
      const int64_t r = (begin + i) / x.cols, col = (begin + i) % x.cols, take = x.cols - col < n - i ? x.cols - col : n - i;
      const T *from = row<const T>(x, r) + col;
      for_vectors(take, [&](int64_t j, int64_t m) { store_n(out + i + j, load_n(from + j, m), m); });
      i += take;
    }
    for (int64_t i = n; i < kBlock; i++) out[i] = 0;
    return n;
  }
};

/* Of n values, a multiple of kLanes; NaN when there is one, so that it is seen in what is stored. */
LT_INLINE float largest_magnitude(const float *x, int64_t n) {
  vf most = {};
  vi nan = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    const vf v = load(x + i);
    most = max(abs(v), most);
    nan |= v != v;
  }
  return any(nan) ? __builtin_nanf("") : largest(most);
}

/* The codes of one block, the number of midpoints below x / absmax; returns its scale. */
template <class T>
float quantize_block(const Source<T> &source, int64_t block, uint8_t *packed) {
  float x[kBlock];
  uint8_t code[kBlock];
  const int64_t n = source.load_block(block, x);
  /* Of a block of zeros bitsandbytes' CUDA kernel makes code 0 (0 * inf), its CPU code 7, the code of 0. */
  const float absmax = largest_magnitude(x, kBlock), inverse = absmax > 0 ? 1.0f / absmax : 0.0f;
  for (int64_t i = 0; i < kBlock; i += kLanes) {
    const vf ratio = load(x + i) * inverse; /* beyond 1 by a rounding at most, where the code is the last anyway */
    vi above = {};
    for (float midpoint : codes.nf4_midpoints) above -= splat(midpoint) < ratio;
    store_as(code + i, __builtin_convertvector(above, vb));
  }
  for (int64_t i = 0; i < (n + 1) / 2; i++) packed[i] = static_cast<uint8_t>(code[2 * i] << 4 | code[2 * i + 1]);
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
    const int64_t power = log / kLevels > 4 ? log / kLevels : 4, step = int64_t{1} << power;
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
template <class T>
void quantize_scales(Cpu &cpu, lt_matrix &w, const Source<T> &source, int64_t blocks, char *scales) {
  cpu.pool.parallel_chunks(blocks, kNested, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; b++) {
      float x[kBlock];
      source.load_block(b, x);
      const float absmax = largest_magnitude(x, kBlock);
      memcpy(scales + 4 * b, &absmax, 4);
    }
  });
  const float offset = TorchSum(scales)(blocks) / static_cast<float>(blocks);
  w.nested_offset = offset;
  cpu.pool.parallel_chunks(blocks, kNested, [&](int64_t begin, int64_t end, int) {
    const int64_t count = end - begin;
    float centred[kNested] = {};
    memcpy(centred, scales + 4 * begin, 4 * count);
    for (int64_t i = 0; i < count; i++) centred[i] -= offset;
    const float most = largest_magnitude(centred, kNested), inverse = most > 0 ? 1.0f / most : 0.0f;
    ptr<float>(w.nested_absmax)[begin / kNested] = most;
    for (int64_t i = 0; i < count; i++) ptr<uint8_t>(w.absmax)[begin + i] = nearest(codes.dynamic_signed, centred[i] * inverse);
  });
}

template <class T>
void quantize(Cpu &cpu, lt_matrix &w, const Source<T> &source) {
  const int64_t blocks = ceil_div(w.rows * w.cols, kBlock);
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

}  // namespace

void nf4_quantize(Cpu &cpu, lt_matrix &w, const lt_tensor &x) {
  with_type(x.dtype, [&](auto type) { quantize(cpu, w, Source<decltype(type)>{x}); });
}

}  // namespace luthier::cpu::LT_ISA
