#include "gemm.h"

#include <algorithm>

#include "../core/types.h"
#include "gemm_paths.h"
#include "ops.h"

namespace luthier::cpu {
namespace {

constexpr int64_t kUnit = 64; /* columns are shared out in whole blocks of the weights where there are many */
constexpr int64_t kWideN = 1024;
constexpr int64_t kGroup = 32; /* of k in a packed operand A of pairs */
constexpr int64_t kMostRows = 1024, kLeastRows = 64;

int64_t up(int64_t n, int64_t step) { return ceil_div(n, step) * step; }

/* The columns and panels of a product shared out: blocks of at most block_n columns, as many as keep the threads evenly busy, and the
 * panels of A too where there are too few columns. The sums do not depend on it. */
struct Cut {
  int64_t columns, rows;
  int64_t items() const { return columns * rows; }
};

Cut cut(const TileKernels &t, int64_t n, int64_t panels, int threads) {
  const int64_t strips = ceil_div(n, t.lanes * t.vectors);
  const int64_t columns = std::min(strips, up(ceil_div(n, t.block_n), threads));
  const int64_t rows = columns < threads ? std::min<int64_t>(panels, ceil_div(threads, columns)) : 1;
  return {columns, rows};
}

/* Part i of n things in `parts` even parts, in units of step. */
struct Range {
  int64_t begin, end;
};
Range part(int64_t n, int64_t step, int64_t i, int64_t parts) {
  const int64_t units = ceil_div(n, step);
  return {std::min(n, units * i / parts * step), std::min(n, units * (i + 1) / parts * step)};
}

/* c[0, rows) x [0, cols) is the product's [row, ...) x [col, ...). */
void deliver(const GemmKernels &k, const Out &out, int64_t row, int64_t rows, int64_t col, int64_t cols, const float *c, int64_t ldc) {
  if (out.transposed) return k.add_transposed(out.y, col, out.row + row, rows, cols, c, ldc, out.scale);
  if (!out.parts) return k.store_block(out.y, out.mode, out.row + row, col, rows, cols, c, ldc, out.scale, out.bias);
  for (int i = 0; i < out.part_count; i++) {
    const Part &p = out.parts[i];
    const int64_t begin = std::max(row, p.row), end = std::min(row + rows, p.row + p.y.rows);
    if (begin < end) k.store_block(p.y, out.mode, begin - p.row, col, end - begin, cols, c + (begin - row) * ldc, ldc, out.scale, out.bias);
  }
}

}  // namespace

lt_matrix as_matrix(const lt_tensor &t) {
  lt_matrix w{};
  w.data = t.data;
  w.rows = t.rows;
  w.cols = t.row_stride;
  w.type = t.dtype;
  return w;
}

Gemm::Gemm(const Cpu &cpu, int32_t precision)
    : Gemm(cpu, precision == cpu.precision ? cpu.tile : gemm_kernels(cpu.isa).plain, precision == LT_PRECISION_BF16 ? Rounding::bf16 : Rounding::none) {}

Gemm::Gemm(const Cpu &cpu, const TileKernels &tile, Rounding rounding)
    : expand_(cpu.kernels), kernels_(gemm_kernels(cpu.isa)), tile_(tile), rounding_(rounding) {}

Source Gemm::source(const lt_matrix &w, float scale) const { return {&expand_, w, scale, rounding_}; }

int64_t Gemm::row_block(int64_t t, int64_t width) {
  return std::min(t, std::clamp(kOperand / std::max<int64_t>(width, 1), kLeastRows, kMostRows));
}

PackedA Gemm::shape(char *data, int64_t m, int64_t k) const {
  PackedA a{};
  a.data = data;
  a.m = m;
  a.k = k;
  a.block_k = up(std::max<int64_t>(1, ceil_div(k, std::max<int64_t>(1, ceil_div(k, kBlockK)))), kGroup);
  const int64_t count = std::max<int64_t>(1, ceil_div(m, tile_.rows));
  a.rows = static_cast<int>(up(std::max<int64_t>(1, ceil_div(m, count)), tile_.row_step));
  a.panels = ceil_div(m, a.rows);
  a.panel_bytes = padded(a.rows * a.block_k * (tile_.pairs ? 2 : 4));
  return a;
}

PackedA Gemm::lay(Carver &carver, int64_t m, int64_t k) const {
  const PackedA a = shape(nullptr, m, k);
  return shape(carver.take<char>(a.bytes()), m, k);
}

PackedA Gemm::logits_shape(char *data, int64_t m, int64_t v) const {
  PackedA a = shape(data, m, v);
  a.panel_bytes = padded(a.rows * a.block_k * 4);
  return a;
}

int64_t Gemm::sums_size(const PackedA &a, int64_t n) const { return a.padded_m() * up(n, tile_.lanes); }

void Gemm::pack(Pool &pool, const PackedA &a, const lt_matrix &x, int64_t row, float scale, bool of_columns) const {
  const Source s = source(x, scale);
  const auto fill = of_columns ? kernels_.pack_columns : kernels_.pack_rows;
  pool.parallel_for(a.blocks() * a.panels, [&](int64_t i, int) {
    const int64_t block = i / a.panels, panel = i % a.panels, k0 = block * a.block_k, first = panel * a.rows;
    fill(tile_, s, row + first, std::min<int64_t>(a.rows, a.m - first), a.rows, k0, std::min(a.block_k, a.k - k0), a.at(block, panel));
  });
}

void Gemm::pack_panel(const PackedA &a, int64_t block, int64_t panel, const lt_matrix &x, int64_t row, int64_t n, int64_t col) const {
  kernels_.pack_rows(tile_, source(x), row, n, a.rows, col, std::min(a.block_k, a.k - block * a.block_k), a.at(block, panel));
}

void Gemm::fetch_rows(Pool &pool, const lt_tensor &x, float scale, float *out) const {
  const Source s = source(as_matrix(x), scale);
  pool.parallel_for(x.rows, [&](int64_t i, int) {
    float *row = out + i * x.cols;
    kernels_.fetch(s, i, 0, x.cols, row);
    kernels_.pair_up(row, x.cols, row + x.rows * x.cols);
  });
}

void Gemm::lay_workers(Carver &carver, int threads, int64_t m) {
  b_bytes_ = kBlockK * tile_.block_n * (tile_.pairs ? 2 : 4);
  /* Panels shrink as m falls to a multiple of their rows, never by more than a row each. */
  const int64_t rows = m + tile_.rows + ceil_div(m, tile_.rows) * tile_.row_step;
  worker_bytes_ = b_bytes_ + padded(rows * tile_.block_n * 4);
  workers_.at = carver.take<char>(worker_bytes_ * threads);
}

void Gemm::terms(const Term *list, int count, int64_t n0, int64_t n1, int64_t panel0, int64_t panel1, float *c, int64_t panel_stride, int64_t ldc,
                 bool first, int worker) const {
  char *b = workers_.at + worker * worker_bytes_;
  const int64_t strip = tile_.lanes * tile_.vectors;
  for (const Term *t = list; t < list + count; t++) {
    const Source w = source(t->b);
    for (int64_t block = 0; block < t->a.blocks(); block++) {
      const int64_t k0 = block * t->a.block_k, k = std::min(t->a.block_k, t->a.k - k0);
      const int64_t steps = up(k, tile_.k_step), line = steps * (tile_.pairs ? 2 : 4);
      (t->transposed ? kernels_.pack_bt : kernels_.pack_b)(tile_, w, n0, n1 - n0, k0, k, b);
      for (int64_t panel = panel0; panel < panel1; panel++) {
        float *at = c + (panel - panel0) * panel_stride;
        /* The next panel of A comes from afar: it is asked for in as many parts as there are strips. */
        const char *next = panel + 1 < panel1 ? t->a.at(block, panel + 1) : nullptr;
        const int64_t part = t->a.panel_bytes / ceil_div(n1 - n0, strip);
        for (int64_t j = 0; j < n1 - n0; j += strip) {
          const int64_t width = std::min(strip, n1 - n0 - j);
          if (next)
            for (const char *end = next + part; next < end; next += kCacheLine) __builtin_prefetch(next, 0, 2);
          tile_.tile(t->a.rows, static_cast<int>(ceil_div(width, tile_.lanes)), steps, t->a.at(block, panel), b + j * line, at + j, ldc, first);
        }
      }
      first = false;
    }
  }
  if (first) /* no k at all: the empty sum */
    for (int64_t i = 0; i < (panel1 - panel0) * list->a.rows; i++) std::fill_n(c + i * ldc, n1 - n0, 0.0f);
}

void Gemm::run(Pool &pool, const Product *products, int count) const {
  Cut cuts[8];
  int64_t items = 0;
  for (int i = 0; i < count; i++) {
    cuts[i] = cut(tile_, products[i].n, products[i].terms[0].a.panels, pool.threads());
    items += cuts[i].items();
  }
  pool.parallel_for(items, [&](int64_t i, int worker) {
    int which = 0;
    while (i >= cuts[which].items()) i -= cuts[which++].items();
    const Product &p = products[which];
    const PackedA &a = p.terms[0].a;
    const int64_t strip = tile_.lanes * tile_.vectors;
    const Range columns = part(p.n, p.n >= kWideN ? std::max(strip, kUnit) : strip, i % cuts[which].columns, cuts[which].columns);
    const Range panels = part(a.panels, 1, i / cuts[which].columns, cuts[which].rows);
    for (int64_t n0 = columns.begin; n0 < columns.end; n0 += tile_.block_n) {
      const int64_t n1 = std::min(columns.end, n0 + tile_.block_n), ldc = up(n1 - n0, tile_.lanes);
      const int64_t row = panels.begin * a.rows, rows = std::min(a.m, panels.end * a.rows) - row;
      float *c = p.sums ? p.sums + a.padded_m() * n0 + row * ldc : reinterpret_cast<float *>(workers_.at + worker * worker_bytes_ + b_bytes_);
      terms(p.terms, p.count, n0, n1, panels.begin, panels.end, c, a.rows * ldc, ldc, !p.sums || p.first, worker);
      if (!p.sums || p.last) deliver(kernels_, p.out, row, rows, n0, n1 - n0, c, ldc);
    }
  });
}

void Gemm::run_blocked(Pool &pool, const PackedA &c, const PackedA &a, const lt_matrix &b) const {
  const Term term{a, b, true};
  const int64_t floats = c.panel_bytes / 4;
  pool.parallel_for(c.blocks(), [&](int64_t i, int worker) {
    const int64_t begin = i * c.block_k, end = std::min(c.k, begin + c.block_k);
    for (int64_t n0 = begin; n0 < end; n0 += tile_.block_n) {
      float *at = reinterpret_cast<float *>(c.at(i, 0)) + (n0 - begin);
      terms(&term, 1, n0, std::min(end, n0 + tile_.block_n), 0, a.panels, at, floats, c.block_k, true, worker);
    }
  });
}

void run_dots(Pool &pool, const Gemm &gemm, const Dots *list, int count) {
  constexpr int64_t kRows = 16, kStretch = 1024;
  int64_t chunks = 0;
  for (int i = 0; i < count; i++) chunks += ceil_div(list[i].n, kRows);
  pool.parallel_for(chunks, [&](int64_t i, int) {
    const Dots *d = list;
    while (i >= ceil_div(d->n, kRows)) i -= ceil_div((d++)->n, kRows);
    alignas(64) float w[kStretch];
    float sums[kRows][kGemvRows] = {}, c[kGemvRows][kRows];
    const int64_t n0 = i * kRows, n = std::min(kRows, d->n - n0);
    for (const DotTerm *t = d->terms; t < d->terms + d->count; t++) {
      Source s = gemm.source(t->w);
      s.rounding = Rounding::none; /* weights are exact here: rounding them costs time and gains nothing */
      const int64_t done = gemm.kernels().unit_dots(t->w, n0, n, t->k, d->m, t->x, t->x + d->m * t->k, t->k, sums[0]);
      for (int64_t j = 0; j < n; j++)
        for (int64_t k0 = done; k0 < t->k; k0 += kStretch) {
          const int64_t k = std::min(kStretch, t->k - k0);
          gemm.kernels().fetch(s, n0 + j, k0, k, w);
          gemm.kernels().dots(d->m, k, w, t->x + k0, t->k, sums[j]);
        }
    }
    for (int64_t m = 0; m < d->m; m++)
      for (int64_t j = 0; j < n; j++) c[m][j] = sums[j][m];
    deliver(gemm.kernels(), d->out, 0, d->m, n0, n, c[0], kRows);
  });
}

}  // namespace luthier::cpu
