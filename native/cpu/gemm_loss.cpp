/* Rows of logits: their maximum, the sum of their exponentials, and the gradient of the cross-entropy. */
#include "gemm_isa.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {

/* A stretch's own maximum m first, then its sum of exp(l - m), then both joined with what came before: max' = max(max, m),
 * sum' = sum exp(max - max') + s exp(m - max') (Milakov and Gimelshein, arXiv 1805.02867). */
void scan_logits(float *l, int64_t n, int32_t first, float cap, RowStats &stats) {
  if (cap != 0) for_vectors(n, [&](int64_t i, int64_t m) { store_n(l + i, tanh(load_n(l + i, m) / cap) * cap, m); });

  vf most = splat(-__builtin_inff()), all = {};
  for (int64_t i = 0; i + kLanes <= n; i += kLanes) {
    const vf v = load(l + i);
    most = max(v, most);
    all += v;
  }
  float top = largest(most), total = sum(all);
  for (int64_t i = n / kLanes * kLanes; i < n; i++) {
    top = l[i] > top ? l[i] : top;
    total += l[i];
  }
  stats.total += total;
  if (top > stats.max) {
    int64_t i = 0;
    while (l[i] != top) i++;
    stats.best = first + static_cast<int32_t>(i);
  }

  /* A row of which everything so far is -infinity has no exponentials yet. */
  const float largest_yet = top > stats.max ? top : stats.max;
  if (largest_yet == -__builtin_inff()) return;
  vf sums = {};
  for_vectors(n, [&](int64_t i, int64_t m) {
    const vf e = exp(load_n(l + i, m) - largest_yet);
    if (m == kLanes) {
      sums += e;
    } else {
      float part[kLanes] = {};
      store(part, e, m);
      sums += load(part);
    }
  });
  const vf carried = exp(splat(stats.max - largest_yet));
  stats.sum = stats.sum * carried[0] + sum(sums);
  stats.max = largest_yet;
}

void softmax_gradient(float *d, const float *l, int64_t n, float cap, const RowStats &stats, float floor) {
  const float inverse = 1 / stats.sum, flat = cap != 0 ? 1 / cap : 0;
  for_vectors(n, [&](int64_t i, int64_t m) {
    const vf v = load_n(l + i, m), part = v * flat;
    store_n(d + i, (exp(v - stats.max) * inverse - floor) * (1.0f - part * part), m);
  });
}

}  // namespace luthier::cpu::LT_ISA
