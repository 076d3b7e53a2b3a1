/* lt_lora_matmul, lt_dlora_matmul and lt_lora_merge.
 *
 * The update is an extension of K: y = [x | scale xa] [W | B]^T, one pass over y; x is packed once for all projections that read it. In the
 * backward dx = sum over p of [dy | t] [W ; A], its fp32 sums carried from projection to projection; dA and dB are products over all tokens
 * with the r columns of t and xa as the small operand. */
#include <algorithm>

#include "gemm.h"
#include "gemm_plans.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

constexpr int kMostProjections = 8;
constexpr int64_t kMergeRows = 256;

bool has_lora(const lt_lora_proj &p) { return p.a.data != 0; }

int64_t widest(const lt_lora_proj *p, int32_t n, int64_t in) {
  int64_t width = in;
  for (int32_t i = 0; i < n; i++) width = std::max(width, p[i].w.rows);
  return width;
}

lt_tensor dense(float *data, int64_t rows, int64_t cols) { return {reinterpret_cast<lt_ptr>(data), rows, cols, cols, LT_F32, 0}; }

struct ForwardPlan {
  Gemm gemm;
  int64_t step;
  bool dots;
  PackedA x{};
  float *rows = nullptr;                     /* dots: x */
  char *update[kMostProjections] = {};       /* scale xa: packed, or dots: plain */

  ForwardPlan(const Cpu &cpu, int64_t t, int64_t width)
      : gemm(cpu, cpu.precision), step(Gemm::row_block(t, width)), dots(t <= kGemvRows) {}

  void lay(Carver &c, const Cpu &cpu, int64_t in, const int64_t *ranks, int n) {
    if (dots)
      rows = c.take<float>(Gemm::dots_size(step, in));
    else
      x = gemm.lay(c, step, in);
    for (int i = 0; i < n; i++)
      if (ranks[i]) update[i] = dots ? reinterpret_cast<char *>(c.take<float>(Gemm::dots_size(step, ranks[i]))) : gemm.lay(c, step, ranks[i]).data;
    if (!dots) gemm.lay_workers(c, cpu.pool.threads(), step);
  }
};

void forward_dots(Cpu &cpu, const ForwardPlan &plan, const lt_lora_proj *p, int32_t n, const lt_tensor &x) {
  plan.gemm.fetch_rows(cpu.pool, x, 1, plan.rows);
  Dots inner[kMostProjections], outer[kMostProjections];
  int inners = 0;
  for (int32_t i = 0; i < n; i++) {
    const DotTerm base{plan.rows, x.cols, p[i].w};
    Dots &d = outer[i] = {x.rows, p[i].w.rows, {base, {}}, 1, {}};
    d.out.y = p[i].y;
    d.out.bias = ptr<const float>(p[i].bias.data);
    if (!has_lora(p[i])) continue;
    const int64_t r = p[i].a.rows;
    Dots &a = inner[inners++] = {x.rows, r, {{plan.rows, x.cols, as_matrix(p[i].a)}, {}}, 1, {}};
    a.out.y = p[i].xa;
    d.terms[d.count++] = {reinterpret_cast<float *>(plan.update[i]), r, as_matrix(p[i].b)};
  }
  run_dots(cpu.pool, plan.gemm, inner, inners);
  for (int32_t i = 0; i < n; i++)
    if (has_lora(p[i])) plan.gemm.fetch_rows(cpu.pool, p[i].xa, p[i].scale, reinterpret_cast<float *>(plan.update[i]));
  run_dots(cpu.pool, plan.gemm, outer, n);
}

void forward_block(Cpu &cpu, const ForwardPlan &plan, const lt_lora_proj *p, int32_t n, const lt_tensor &x, int64_t row) {
  const Gemm &gemm = plan.gemm;
  const int64_t m = std::min(plan.step, x.rows - row);
  const PackedA a = gemm.shape(plan.x.data, m, x.cols);
  gemm.pack(cpu.pool, a, as_matrix(x), row, 1);
  Product inner[kMostProjections], outer[kMostProjections];
  int inners = 0;
  for (int32_t i = 0; i < n; i++) {
    Product &y = outer[i] = {p[i].w.rows, {{a, p[i].w, true}, {}}, 1, {}};
    y.out.y = p[i].y;
    y.out.row = row;
    y.out.bias = ptr<const float>(p[i].bias.data);
    if (!has_lora(p[i])) continue;
    Product &xa = inner[inners++] = {p[i].a.rows, {{a, as_matrix(p[i].a), true}, {}}, 1, {}};
    xa.out.y = p[i].xa;
    xa.out.row = row;
    y.terms[y.count++] = {gemm.shape(plan.update[i], m, p[i].a.rows), as_matrix(p[i].b), true};
  }
  gemm.run(cpu.pool, inner, inners);
  for (int32_t i = 0; i < n; i++)
    if (has_lora(p[i])) gemm.pack(cpu.pool, outer[i].terms[1].a, as_matrix(p[i].xa), row, p[i].scale);
  gemm.run(cpu.pool, outer, n);
}

struct BackwardPlan {
  Gemm gemm;
  int64_t step;
  char *dy = nullptr;      /* packed rows of dy, one projection at a time */
  char *t_rows = nullptr;  /* packed rows of t */
  float *sums = nullptr;   /* dx of a block of rows before the last projection */
  float *t = nullptr;      /* [T, all ranks] */
  char *t_columns = nullptr, *xa_columns[kMostProjections] = {};

  BackwardPlan(const Cpu &cpu, int64_t t, int64_t width) : gemm(cpu, cpu.precision), step(Gemm::row_block(t, width)) {}

  void lay(Carver &c, const Cpu &cpu, int64_t tokens, int64_t in, int64_t widest_out, const int64_t *ranks, int n) {
    int64_t all = 0, most = 0;
    for (int i = 0; i < n; i++) {
      all += ranks[i];
      most = std::max(most, ranks[i]);
    }
    const PackedA a = gemm.lay(c, step, widest_out);
    dy = a.data;
    if (n > 1) sums = c.take<float>(gemm.sums_size(a, in));
    if (all) {
      t = c.take<float>(tokens * all);
      t_rows = gemm.lay(c, step, most).data;
      t_columns = gemm.lay(c, all, tokens).data;
      for (int i = 0; i < n; i++)
        if (ranks[i]) xa_columns[i] = gemm.lay(c, ranks[i], tokens).data;
    }
    gemm.lay_workers(c, cpu.pool.threads(), std::max(step, all));
  }
};

/* t and dx of a block of rows. */
void backward_block(Cpu &cpu, const BackwardPlan &plan, const lt_tensor &dx, const lt_lora_proj *p, int32_t n, const lt_tensor &t, int32_t mode,
                    int64_t row) {
  const Gemm &gemm = plan.gemm;
  const int64_t m = std::min(plan.step, t.rows - row);
  int64_t column = 0;
  for (int32_t i = 0; i < n; i++) {
    const bool lora = has_lora(p[i]);
    if (!lora && !dx.data) continue;
    const PackedA a = gemm.shape(plan.dy, m, p[i].y.cols);
    gemm.pack(cpu.pool, a, as_matrix(p[i].y), row, 1);
    Product d{dx.cols, {{a, p[i].w, false}, {}}, 1, {}};
    if (lora) {
      lt_tensor mine = t;
      mine.data += column * sizeof(float);
      mine.cols = p[i].a.rows;
      column += mine.cols;
      Product inner{mine.cols, {{a, as_matrix(p[i].b), false}, {}}, 1, {}};
      inner.out.y = mine;
      inner.out.row = row;
      inner.out.scale = p[i].scale;
      gemm.run(cpu.pool, &inner, 1);
      if (!dx.data) continue;
      d.terms[d.count++] = {gemm.shape(plan.t_rows, m, mine.cols), as_matrix(p[i].a), false};
      gemm.pack(cpu.pool, d.terms[1].a, as_matrix(mine), row, 1);
    }
    d.out.y = dx;
    d.out.mode = mode;
    d.out.row = row;
    d.sums = plan.sums;
    d.first = i == 0;
    d.last = i == n - 1;
    gemm.run(cpu.pool, &d, 1);
  }
}

/* dA += t^T x of all projections together, dB += scale dy^T xa of each. */
void adapter_gradients(Cpu &cpu, const BackwardPlan &plan, const lt_lora_proj *p, int32_t n, const lt_tensor &x, const lt_tensor &t) {
  const Gemm &gemm = plan.gemm;
  Part parts[kMostProjections];
  Product products[kMostProjections + 1];
  int count = 0;
  int64_t row = 0;
  for (int32_t i = 0; i < n; i++) {
    if (!has_lora(p[i])) continue;
    const int64_t r = p[i].a.rows;
    const PackedA xa = gemm.shape(plan.xa_columns[i], r, x.rows);
    gemm.pack(cpu.pool, xa, as_matrix(p[i].xa), 0, 1, true);
    Product &db = products[count] = {p[i].b.rows, {{xa, as_matrix(p[i].y), false}, {}}, 1, {}};
    db.out.y = p[i].db;
    db.out.scale = p[i].scale;
    db.out.transposed = true;
    parts[count++] = {p[i].da, row};
    row += r;
  }
  const PackedA columns = gemm.shape(plan.t_columns, row, x.rows);
  gemm.pack(cpu.pool, columns, as_matrix(t), 0, 1, true);
  Product &da = products[count] = {x.cols, {{columns, as_matrix(x), false}, {}}, 1, {}};
  da.out.mode = LT_ADD;
  da.out.parts = parts;
  da.out.part_count = count;
  gemm.run(cpu.pool, products, count + 1);
}

}  // namespace

void lora_matmul(Cpu &cpu, const lt_lora_proj *p, int32_t n, const lt_tensor &x) {
  if (x.rows == 0) return;
  int64_t ranks[kMostProjections];
  for (int32_t i = 0; i < n; i++) ranks[i] = has_lora(p[i]) ? p[i].a.rows : 0;
  ForwardPlan plan(cpu, x.rows, widest(p, n, x.cols));
  Carver carver = carve(cpu, "lt_lora_matmul", [&](Carver &c) { plan.lay(c, cpu, x.cols, ranks, n); });
  plan.lay(carver, cpu, x.cols, ranks, n);
  if (plan.dots) return forward_dots(cpu, plan, p, n, x);
  for (int64_t row = 0; row < x.rows; row += plan.step) forward_block(cpu, plan, p, n, x, row);
}

void dlora_matmul(Cpu &cpu, const lt_tensor &dx, const lt_lora_proj *p, int32_t n, const lt_tensor &x, int32_t mode) {
  if (x.rows == 0) return;
  int64_t ranks[kMostProjections], all = 0, widest_out = 0;
  for (int32_t i = 0; i < n; i++) {
    all += ranks[i] = has_lora(p[i]) ? p[i].a.rows : 0;
    widest_out = std::max(widest_out, p[i].w.rows);
  }
  BackwardPlan plan(cpu, x.rows, widest(p, n, x.cols));
  const auto lay = [&](Carver &c) { plan.lay(c, cpu, x.rows, x.cols, widest_out, ranks, n); };
  Carver carver = carve(cpu, "lt_dlora_matmul", lay);
  lay(carver);
  const lt_tensor t = dense(plan.t, x.rows, all);
  for (int64_t row = 0; row < x.rows; row += plan.step) backward_block(cpu, plan, dx, p, n, t, mode, row);
  if (all) adapter_gradients(cpu, plan, p, n, x, t);
}

void lora_merge(Cpu &cpu, const lt_tensor &y, const lt_matrix &w, int64_t row0, const lt_tensor &a, const lt_tensor &b, float scale) {
  const int64_t step = std::min(y.rows, kMergeRows);
  if (step == 0) return;
  Gemm gemm(cpu, LT_PRECISION_FP32);
  PackedA rows{};
  const auto lay = [&](Carver &c) {
    rows = gemm.lay(c, step, a.rows);
    gemm.lay_workers(c, cpu.pool.threads(), step);
  };
  Carver carver = carve(cpu, "lt_lora_merge", lay);
  lay(carver);
  cpu.kernels.dequantize(cpu, y, w, row0);
  Out out;
  out.y = y;
  out.mode = LT_ADD;
  out.scale = scale;
  for (; out.row < y.rows; out.row += step) {
    const PackedA part = gemm.shape(rows.data, std::min(step, y.rows - out.row), a.rows);
    gemm.pack(cpu.pool, part, as_matrix(b), row0 + out.row, 1);
    const Product product{y.cols, {{part, as_matrix(a), false}, {}}, 1, out};
    gemm.run(cpu.pool, &product, 1);
  }
}

int64_t lora_bytes(const Cpu &cpu, const lt_limits &l) {
  int64_t ranks[kMostProjections];
  std::fill(ranks, ranks + kMostProjections, l.rank);
  return most_bytes(l, l.features, [&](Carver &c, int64_t t, int64_t width) {
    Carver forward = c, backward = c;
    ForwardPlan(cpu, t, width).lay(forward, cpu, width, ranks, kMostProjections);
    BackwardPlan(cpu, t, width).lay(backward, cpu, t, width, width, ranks, kMostProjections);
    Gemm gemm(cpu, LT_PRECISION_FP32);
    gemm.lay(c, kMergeRows, l.rank);
    gemm.lay_workers(c, cpu.pool.threads(), kMergeRows);
    c.at = std::max({c.at, forward.at, backward.at});
  });
}

}  // namespace luthier::cpu
