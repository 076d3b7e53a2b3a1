/* lt_matmul and lt_dmatmul. */
#include <algorithm>

#include "gemm.h"
#include "gemm_plans.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

/* Rows of x packed a block at a time, or, where few, made plain for dot products. */
struct MatmulPlan {
  Gemm gemm;
  int64_t step;
  PackedA a{};
  float *rows = nullptr;

  MatmulPlan(const Cpu &cpu, int64_t t, int64_t k) : gemm(cpu, cpu.precision), step(Gemm::row_block(t, k)) {}

  void lay(Carver &c, const Cpu &cpu, int64_t k, bool dots) {
    if (dots) {
      rows = c.take<float>(Gemm::dots_size(step, k));
      return;
    }
    a = gemm.lay(c, step, k);
    gemm.lay_workers(c, cpu.pool.threads(), step);
  }
};

void multiply(Cpu &cpu, const char *op, const lt_tensor &y, const lt_tensor &x, const lt_matrix &w, int32_t mode, bool transposed) {
  const int64_t t = x.rows, k = x.cols;
  if (t == 0 || y.cols == 0) return;
  MatmulPlan plan(cpu, t, k);
  const bool dots = transposed && t <= kGemvRows;
  Carver carver = carve(cpu, op, [&](Carver &c) { plan.lay(c, cpu, k, dots); });
  plan.lay(carver, cpu, k, dots);
  Out out;
  out.y = y;
  out.mode = mode;
  if (dots) {
    plan.gemm.fetch_rows(cpu.pool, x, 1, plan.rows);
    const Dots d{t, y.cols, {{plan.rows, k, w}, {}}, 1, out};
    return run_dots(cpu.pool, plan.gemm, &d, 1);
  }
  for (; out.row < t; out.row += plan.step) {
    const PackedA a = plan.gemm.shape(plan.a.data, std::min(plan.step, t - out.row), k);
    plan.gemm.pack(cpu.pool, a, as_matrix(x), out.row, 1);
    const Product p{y.cols, {{a, w, transposed}, {}}, 1, out};
    plan.gemm.run(cpu.pool, &p, 1);
  }
}

}  // namespace

void matmul(Cpu &cpu, const lt_tensor &y, const lt_tensor &x, const lt_matrix &w, int32_t mode) {
  multiply(cpu, "lt_matmul", y, x, w, mode, true);
}

void dmatmul(Cpu &cpu, const lt_tensor &dx, const lt_tensor &dy, const lt_matrix &w, int32_t mode) {
  multiply(cpu, "lt_dmatmul", dx, dy, w, mode, false);
}

int64_t matmul_workspace_bytes(const Cpu &cpu, const lt_limits &l) {
  const int64_t plain = most_bytes(l, std::max({l.features, l.hidden, l.vocab}), [&](Carver &c, int64_t t, int64_t width) {
    MatmulPlan(cpu, t, width).lay(c, cpu, width, t <= kGemvRows);
  });
  return std::max({plain, lora_bytes(cpu, l), head_loss_bytes(cpu, l)});
}

}  // namespace luthier::cpu
