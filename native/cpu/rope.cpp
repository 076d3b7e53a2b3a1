/* Rotary positions, arXiv 2104.09864, "half" pairing: dims i and i + R of a head turn by pos * inv_freq[i]. In place. */
#include <math.h>

#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* Pairs whose sines are made at a time. */
constexpr int64_t kPairs = 128;

struct Turn {
  float cos[kPairs], sin[kPairs];
};

/* Rotates pairs [0, n) of every head in a token's row: (a, b) -> (a cos - b sin, b cos + a sin). */
template <class T>
void turn_row(T *x, int64_t cols, int64_t head_dim, int64_t pairs, int64_t n, const Turn &turn) {
  for (T *head = x; head < x + cols; head += head_dim)
    for_vectors(n, [&](int64_t i, int64_t m) {
      const vf cos = load_n(turn.cos + i, m), sin = load_n(turn.sin + i, m);
      const vf a = load_n(head + i, m), b = load_n(head + pairs + i, m);
      store_n(head + i, a * cos - b * sin, m);
      store_n(head + pairs + i, b * cos + a * sin, m);
    });
}

}  // namespace

void rope(Cpu &cpu, const lt_tensor &q, const lt_tensor &k, const lt_tensor &pos, const lt_tensor &inv_freq, int32_t head_dim, float mscale,
          int32_t direction) {
  const int64_t pairs = inv_freq.cols;
  const float *frequency = ptr<const float>(inv_freq.data);
  with_type(q.dtype, [&](auto type) {
    using T = decltype(type);
    cpu.pool.parallel_chunks(q.rows, row_grain(q.cols), [&](int64_t begin, int64_t end, int) {
      Turn turn;
      for (int64_t t = begin; t < end; t++) {
        const float p = static_cast<float>(*row<const int32_t>(pos, t));
        for (int64_t first = 0; first < pairs; first += kPairs) {
          const int64_t n = pairs - first < kPairs ? pairs - first : kPairs;
          for (int64_t i = 0; i < n; i++) {
            const float angle = p * frequency[first + i];
            turn.cos[i] = ::cosf(angle) * mscale;
            turn.sin[i] = ::sinf(angle) * mscale * static_cast<float>(direction);
          }
          turn_row(row<T>(q, t) + first, q.cols, head_dim, pairs, n, turn);
          if (k.data) turn_row(row<T>(k, t) + first, k.cols, head_dim, pairs, n, turn);
        }
      }
    });
  });
}

}  // namespace luthier::cpu::LT_ISA
