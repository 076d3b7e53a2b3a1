/* lt_head_loss: the head and the cross-entropy in chunks of tokens.
 *
 * The logits of a chunk exist, [chunk, V] in fp32, some 80 MB at the largest vocabularies; the gradient of the softmax then replaces them in
 * place, already packed as operand A of dx = dlogits W. The alternative that keeps no logits (log-sum-exp online over blocks of the
 * vocabulary, the logits computed again for the gradient) costs three products where this costs two, and here products are what takes the
 * time. Rows whose label is ignored are left out altogether, unless their argmax is asked for. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "../core/status.h"
#include "../core/types.h"
#include "gemm.h"
#include "gemm_plans.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

constexpr int64_t kLogits = 20 << 20; /* of a chunk */
constexpr int64_t kMostRows = 256, kLeastRows = 32;

int64_t element_size(int32_t dtype) { return dtype == LT_F32 ? 4 : 2; }

template <class T>
T &at(const lt_tensor &t, int64_t row) {
  return ptr<T>(t.data)[row * t.row_stride];
}

struct HeadPlan {
  Gemm gemm;
  int64_t chunk;
  int32_t *rows = nullptr; /* the tokens that count */
  char *x = nullptr;       /* theirs of a chunk, and the same packed; dx of a chunk too */
  char *packed = nullptr;
  char *logits = nullptr;

  HeadPlan(const Cpu &cpu, int64_t t, int64_t v) : gemm(cpu, cpu.precision) {
    const int64_t most = std::clamp(kLogits / std::max<int64_t>(v, 1), kLeastRows, kMostRows);
    chunk = std::min(t, most / gemm.tile().rows * gemm.tile().rows);
  }

  void lay(Carver &c, const Cpu &cpu, int64_t t, int64_t h, int64_t v) {
    rows = c.take<int32_t>(t);
    x = c.take<char>(chunk * h * 4);
    packed = gemm.lay(c, chunk, h).data;
    logits = c.take<char>(gemm.logits_shape(nullptr, chunk, v).bytes());
    gemm.lay_workers(c, cpu.pool.threads(), chunk);
  }
};

struct HeadLoss {
  Cpu &cpu;
  const HeadPlan &plan;
  const lt_tensor &nll, &dx, &best, &x;
  const lt_matrix &w;
  const lt_tensor &labels;
  const lt_head_loss_params &p;

  int32_t label(int64_t token) const { return at<const int32_t>(labels, token); }

  /* dnll/dlogits replaces a panel of a block of logits. */
  void gradient(const PackedA &c, int64_t block, int64_t panel, const int32_t *tokens, const RowStats *stats, float *d) const {
    const int64_t k0 = block * c.block_k, n = std::min(c.block_k, c.k - k0), first = panel * c.rows;
    const int64_t rows = std::min<int64_t>(c.rows, c.m - first);
    const float *l = reinterpret_cast<const float *>(c.at(block, panel));
    for (int64_t i = 0; i < rows; i++) {
      float *line = d + i * c.block_k;
      const int32_t target = label(tokens[first + i]);
      if (target == p.ignore) {
        std::fill_n(line, n, 0.0f);
        continue;
      }
      plan.gemm.kernels().softmax_gradient(line, l + i * c.block_k, n, p.softcap, stats[first + i], p.smoothing / static_cast<float>(w.rows));
      if (target < k0 || target >= k0 + n) continue;
      const float part = p.softcap != 0 ? l[i * c.block_k + target - k0] / p.softcap : 0;
      line[target - k0] -= (1 - p.smoothing) * (1 - part * part);
    }
    lt_matrix from{};
    from.data = reinterpret_cast<lt_ptr>(d);
    from.rows = rows;
    from.cols = c.block_k;
    from.type = LT_F32;
    plan.gemm.pack_panel(c, block, panel, from, 0, rows, 0);
  }

  /* Row i of the chunk's logits: its statistics, nll and best. */
  RowStats scan(const PackedA &c, int64_t i, int32_t token) const {
    RowStats stats{-std::numeric_limits<float>::infinity(), 0, 0, 0};
    const int64_t panel = i / c.rows, line = i % c.rows * c.block_k;
    const int32_t target = label(token);
    float chosen = 0;
    for (int64_t block = 0; block < c.blocks(); block++) {
      const int64_t k0 = block * c.block_k, n = std::min(c.block_k, c.k - k0);
      float *l = reinterpret_cast<float *>(c.at(block, panel)) + line;
      plan.gemm.kernels().scan_logits(l, n, static_cast<int32_t>(k0), p.softcap, stats);
      if (target >= k0 && target < k0 + n) chosen = l[target - k0];
    }
    if (target != p.ignore) {
      const float mean = stats.total / static_cast<float>(w.rows);
      at<float>(nll, token) = std::log(stats.sum) + (1 - p.smoothing) * (stats.max - chosen) + p.smoothing * (stats.max - mean);
    }
    if (best.data) at<int32_t>(best, token) = stats.best;
    return stats;
  }

  void chunk(const int32_t *tokens, int64_t m) const {
    const Gemm &gemm = plan.gemm;
    const int64_t h = x.cols, bytes = h * element_size(x.dtype);
    lt_tensor rows{reinterpret_cast<lt_ptr>(plan.x), m, h, h, x.dtype, 0};
    cpu.pool.parallel_for(m, [&](int64_t i, int) {
      memcpy(plan.x + i * bytes, ptr<const char>(x.data) + tokens[i] * x.row_stride * element_size(x.dtype), bytes);
    });
    const PackedA a = gemm.shape(plan.packed, m, h);
    gemm.pack(cpu.pool, a, as_matrix(rows), 0, 1);
    const PackedA c = gemm.logits_shape(plan.logits, m, w.rows);
    gemm.run_blocked(cpu.pool, c, a, w);

    RowStats stats[kMostRows];
    cpu.pool.parallel_for(m, [&](int64_t i, int) { stats[i] = scan(c, i, tokens[i]); });
    if (!dx.data) return;

    cpu.pool.parallel_for(c.blocks() * c.panels, [&](int64_t i, int worker) {
      gradient(c, i / c.panels, i % c.panels, tokens, stats, cpu.scratch(worker).take<float>(c.rows * c.block_k));
    });
    Product product{h, {{c, w, false}, {}}, 1, {}};
    product.out.y = rows;
    product.out.scale = p.grad_scale;
    gemm.run(cpu.pool, &product, 1);
    cpu.pool.parallel_for(m, [&](int64_t i, int) {
      if (label(tokens[i]) != p.ignore) memcpy(ptr<char>(dx.data) + tokens[i] * dx.row_stride * element_size(dx.dtype), plan.x + i * bytes, bytes);
    });
  }
};

}  // namespace

void head_loss(Cpu &cpu, const lt_tensor &nll, const lt_tensor &dx, const lt_tensor &best, const lt_tensor &x, const lt_matrix &w,
               const lt_tensor &labels, const lt_head_loss_params &p) {
  const int64_t t = x.rows;
  for (int64_t i = 0; i < t; i++) {
    const int32_t label = at<const int32_t>(labels, i);
    if (label != p.ignore && (label < 0 || label >= w.rows))
      fail(LT_INVALID, "lt_head_loss: labels[%lld] is %d, wanted 0 to %lld, or %d for a row that does not count", (long long)i, label,
           (long long)w.rows - 1, p.ignore);
  }
  if (t == 0) return;
  HeadPlan plan(cpu, t, w.rows);
  const auto lay = [&](Carver &c) { plan.lay(c, cpu, t, x.cols, w.rows); };
  Carver carver = carve(cpu, "lt_head_loss", lay);
  lay(carver);

  int64_t count = 0;
  for (int64_t i = 0; i < t; i++) {
    const bool counts = at<const int32_t>(labels, i) != p.ignore;
    if (counts || best.data) plan.rows[count++] = static_cast<int32_t>(i);
    if (counts) continue;
    at<float>(nll, i) = 0;
    if (dx.data) memset(ptr<char>(dx.data) + i * dx.row_stride * element_size(dx.dtype), 0, dx.cols * element_size(dx.dtype));
  }
  const HeadLoss loss{cpu, plan, nll, dx, best, x, w, labels, p};
  for (int64_t i = 0; i < count; i += plan.chunk) loss.chunk(plan.rows + i, std::min(plan.chunk, count - i));
}

int64_t head_loss_bytes(const Cpu &cpu, const lt_limits &l) {
  int64_t most = 0;
  /* Fewer rows of more logits, or more rows of fewer. */
  for (const int64_t v : {std::min(l.vocab, kLogits / kMostRows), std::min(l.vocab, kLogits / kLeastRows), l.vocab}) {
    HeadPlan plan(cpu, l.tokens, v);
    Carver c = counting();
    plan.lay(c, cpu, l.tokens, l.hidden, v);
    most = std::max(most, counted(c));
  }
  return most;
}

}  // namespace luthier::cpu
