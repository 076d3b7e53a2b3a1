/* lt_nf4_quantize, lt_dequantize, lt_quantize_rows. */
#include "check.h"

#include "../cpu/ops.h"

using namespace luthier;

extern "C" {

lt_status lt_nf4_quantize(lt_engine *engine, lt_matrix *w, const lt_tensor *x) {
  return checked_call(engine, "lt_nf4_quantize", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any, true);
    if (W.type != LT_NF4) c.refuse("w is %s, wanted NF4", name(W.type));
    const auto &X = c.in("x", x, any_float, {W.rows, "w.rows"}, {W.cols, "w.cols"});
    return c.run(&Backend::nf4_quantize, *w, X);
  });
}

lt_status lt_dequantize(lt_engine *engine, const lt_tensor *y, const lt_matrix *w, int64_t row0) {
  return checked_call(engine, "lt_dequantize", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any);
    const auto &Y = c.out("y", y, any_float, any, {W.cols, "w.cols"});
    c.row_range(row0, Y.rows, W);
    return c.run(&Backend::dequantize, Y, W, row0);
  });
}

lt_status lt_quantize_rows(lt_engine *engine, void *dst, int64_t dst_bytes, int32_t type, const float *src, int64_t rows, int64_t cols,
                           const float *importance) {
  return with_engine(engine, "lt_quantize_rows", [&](lt_engine &e) {
    if (!weight(type) || type == LT_NF4) fail(LT_INVALID, "lt_quantize_rows: type is %s (%d), wanted F32, F16, BF16 or a Q type", name(type), type);
    const Type &t = kTypes[type];
    if (rows < 0 || cols < 0) fail(LT_INVALID, "lt_quantize_rows: src is [%lld, %lld], wanted no negative size", (long long)rows, (long long)cols);
    if (cols % t.block != 0)
      fail(LT_INVALID, "lt_quantize_rows: cols is %lld, wanted a multiple of %d for %s", (long long)cols, t.block, t.name);
    int64_t bytes;
    if (__builtin_mul_overflow(rows, cols / t.block, &bytes) || __builtin_mul_overflow(bytes, int64_t{t.bytes}, &bytes))
      fail(LT_INVALID, "lt_quantize_rows: src is [%lld, %lld]: more bytes than there can be", (long long)rows, (long long)cols);
    if (dst_bytes != bytes)
      fail(LT_INVALID, "lt_quantize_rows: dst_bytes is %lld, wanted %lld for [%lld, %lld] %s", (long long)dst_bytes, (long long)bytes, (long long)rows,
           (long long)cols, t.name);
    if (bytes == 0) return static_cast<lt_status>(LT_OK);
    if (!dst || !src) fail(LT_INVALID, "lt_quantize_rows: %s is NULL", dst ? "src" : "dst");
    cpu::quantize_rows(e.host_cpu(), dst, type, src, rows, cols, importance);
    return static_cast<lt_status>(LT_OK);
  });
}

}  // extern "C"
