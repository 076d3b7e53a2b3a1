/* Whole rows by number: gather, scatter, embedding, dequantize. */
#include "../core/status.h"
#include "../core/types.h"
#include "simd.h"

namespace luthier::cpu::LT_ISA {

void expand(const lt_matrix &w, int64_t row, int64_t col0, int64_t n, float *out);

namespace {

/* Every entry of a column of row numbers lies in [0, rows). */
void check_indices(const char *op, const char *name, const lt_tensor &idx, int64_t rows) {
  for (int64_t t = 0; t < idx.rows; t++) {
    const int32_t i = *row<const int32_t>(idx, t);
    if (i < 0 || i >= rows)
      fail(LT_INVALID, "%s: %s[%lld] is %d, wanted 0 or more and less than %lld", op, name, (long long)t, i, (long long)rows);
  }
}

/* y[to(t)] = x[from(t)] for t in [0, n) */
template <class To, class From>
void copy_rows(Cpu &cpu, int64_t n, const lt_tensor &y, const lt_tensor &x, To &&to, From &&from) {
  const int64_t size = kTypes[x.dtype].bytes, bytes = x.cols * size;
  cpu.pool.parallel_chunks(n, row_grain(x.cols), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; t++)
      memcpy(ptr<char>(y.data) + to(t) * y.row_stride * size, ptr<const char>(x.data) + from(t) * x.row_stride * size, bytes);
  });
}

/* y[t] = scale * w[of(t)] */
template <class Of>
void expand_rows(Cpu &cpu, const lt_tensor &y, const lt_matrix &w, float scale, Of &&of) {
  constexpr int64_t piece = 4096;
  with_type(y.dtype, [&](auto type) {
    using T = decltype(type);
    cpu.pool.parallel_chunks(y.rows, row_grain(y.cols), [&](int64_t begin, int64_t end, int worker) {
      float *x = cpu.scratch(worker).take<float>(piece);
      for (int64_t t = begin; t < end; t++)
        for (int64_t col = 0; col < y.cols; col += piece) {
          const int64_t count = y.cols - col < piece ? y.cols - col : piece;
          expand(w, of(t), col, count, x);
          for_vectors(count, [&](int64_t i, int64_t n) { store_n(row<T>(y, t) + col + i, load_n(x + i, n) * scale, n); });
        }
    });
  });
}

}  // namespace

void gather_rows(Cpu &cpu, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx) {
  check_indices("lt_gather_rows", "idx", idx, x.rows);
  copy_rows(cpu, y.rows, y, x, [](int64_t t) { return t; }, [&](int64_t t) { return int64_t{*row<const int32_t>(idx, t)}; });
}

void scatter_rows(Cpu &cpu, const lt_tensor &y, const lt_tensor &x, const lt_tensor &idx) {
  check_indices("lt_scatter_rows", "idx", idx, y.rows);
  copy_rows(cpu, x.rows, y, x, [&](int64_t t) { return int64_t{*row<const int32_t>(idx, t)}; }, [](int64_t t) { return t; });
}

void embedding(Cpu &cpu, const lt_tensor &y, const lt_tensor &ids, const lt_matrix &w, float scale) {
  check_indices("lt_embedding", "ids", ids, w.rows);
  expand_rows(cpu, y, w, scale, [&](int64_t t) { return int64_t{*row<const int32_t>(ids, t)}; });
}

void dequantize(Cpu &cpu, const lt_tensor &y, const lt_matrix &w, int64_t row0) {
  expand_rows(cpu, y, w, 1.0f, [&](int64_t t) { return row0 + t; });
}

}  // namespace luthier::cpu::LT_ISA
