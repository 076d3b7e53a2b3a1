/* One token from each row of logits: repeat penalty, temperature, top-k, top-p, min-p, then a draw with Philox4x32-10 (Salmon et al., SC'11).
 *
 * Top-k and top-p need no sort: the value of the last token kept is found digit by digit in histograms of the values' bit patterns. Tokens
 * of equal value are kept or dropped together. The draw walks the ids upward: the first whose running sum passes u times the total. */
#include <math.h>

#include "../core/status.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {
namespace {

/* Bit pattern whose unsigned order is the order of the floats. */
LT_INLINE uint32_t ordered(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u & 0x80000000u ? ~u : u | 0x80000000u;
}

constexpr int kBins = 2048;

/* The largest t such that the weights of all elements with ordered(x) >= t sum up to `target`; 0 when they never do. */
template <class W>
uint32_t threshold(const float *x, int64_t n, double target, double *bins, W &&weight) {
  double above = 0; /* weight of what lies above the digits chosen so far */
  uint32_t prefix = 0;
  int below = 32; /* bits not chosen yet */
  for (int digits : {11, 11, 10}) {
    const int shift = below - digits;
    memset(bins, 0, kBins * sizeof *bins);
    for (int64_t i = 0; i < n; i++) {
      const uint32_t u = ordered(x[i]);
      if (below == 32 || u >> below == prefix) bins[u >> shift & ((1u << digits) - 1)] += weight(x[i]);
    }
    int digit = (1 << digits) - 1;
    while (digit > 0 && above + bins[digit] < target) above += bins[digit--];
    prefix = prefix << digits | static_cast<uint32_t>(digit);
    below = shift;
  }
  return prefix;
}

LT_INLINE void drop_below(float *x, int64_t n, uint32_t least, float instead) {
  for (int64_t i = 0; i < n; i++)
    if (ordered(x[i]) < least) x[i] = instead;
}

/* Uniform in [0, 1) with 53 bits. */
double uniform(uint64_t seed, uint64_t counter, uint64_t stream) {
  uint32_t c[4] = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), static_cast<uint32_t>(stream),
                   static_cast<uint32_t>(stream >> 32)};
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int i = 0; i < 10; i++) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1,
                              static_cast<uint32_t>(a)};
    memcpy(c, next, sizeof c);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return (static_cast<double>(c[0] >> 5) * 67108864.0 + static_cast<double>(c[1] >> 6)) * 0x1p-53;
}

LT_INLINE float most_of(const float *x, int64_t n) {
  vf most = splat(-INFINITY);
  for_vectors(n, [&](int64_t i, int64_t m) {
    vf v = load_n(x + i, m);
    if (m < kLanes) v = select(iota() < splat(static_cast<int32_t>(m)), v, splat(-INFINITY));
    most = max(v, most); /* a NaN is never the larger */
  });
  return largest(most);
}

int32_t draw(float *x, int64_t n, double u) {
  double total = 0;
  for (int64_t i = 0; i < n; i++) total += x[i];
  double left = u * total;
  int64_t last = 0;
  for (int64_t i = 0; i < n; i++) {
    if (x[i] <= 0) continue;
    last = i;
    left -= x[i];
    if (left < 0) break;
  }
  return static_cast<int32_t>(last);
}

int32_t sample_row(float *x, const float *logits, int64_t n, const int32_t *history, int64_t history_n, const lt_sample_params &p, int64_t row,
                   double *bins) {
  memcpy(x, logits, n * sizeof(float));
  if (p.repeat_penalty != 1)
    for (int64_t i = 0; i < history_n; i++) {
      const int32_t id = history[i];
      if (id >= 0 && id < n) x[id] = logits[id] > 0 ? logits[id] / p.repeat_penalty : logits[id] * p.repeat_penalty;
    }
  const float best = most_of(x, n);
  if (!(best > -INFINITY && best < INFINITY))
    fail(LT_INVALID, "lt_sample: the largest of logits[%lld] is %g, wanted a finite number", (long long)row, best);
  if (p.temperature == 0)
    for (int64_t i = 0;; i++)
      if (x[i] == best) return static_cast<int32_t>(i);

  for (int64_t i = 0; i < n; i++) x[i] = x[i] <= best ? (x[i] - best) / p.temperature : -INFINITY; /* a NaN is no token */
  if (p.top_k > 0 && p.top_k < n) drop_below(x, n, threshold(x, n, p.top_k, bins, [](float) { return 1.0; }), -INFINITY);
  for_vectors(n, [&](int64_t i, int64_t m) { store_n(x + i, exp(load_n(x + i, m)), m); });
  if (p.top_p < 1) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += x[i];
    drop_below(x, n, threshold(x, n, p.top_p * total, bins, [](float w) { return static_cast<double>(w); }), 0.0f);
  }
  for (int64_t i = 0; i < n; i++) x[i] = x[i] >= p.min_p ? x[i] : 0.0f; /* the best has 1 */
  return draw(x, n, uniform(p.seed, p.counter, static_cast<uint64_t>(row)));
}

}  // namespace

void sample(Cpu &cpu, const lt_tensor &ids, const lt_tensor &logits, const lt_tensor &history, const lt_sample_params &p) {
  const int64_t n = logits.cols, bytes = padded(n * static_cast<int64_t>(sizeof(float)));
  char *rows = cpu.workspace.need("lt_sample", bytes * cpu.pool.threads()).at;
  cpu.pool.parallel_for(logits.rows, [&](int64_t i, int worker) {
    const int32_t *past = history.data ? row<const int32_t>(history, i) : nullptr;
    *row<int32_t>(ids, i) = sample_row(reinterpret_cast<float *>(rows + worker * bytes), row<const float>(logits, i), n, past,
                                       history.data ? history.cols : 0, p, i, cpu.scratch(worker).take<double>(kBins));
  });
}

}  // namespace luthier::cpu::LT_ISA
