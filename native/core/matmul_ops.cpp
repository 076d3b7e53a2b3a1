/* lt_matmul to lt_lora_merge: the matrix products. */
#include <cstdio>

#include "check.h"

using namespace luthier;

namespace {

constexpr int32_t kMostProjections = 8;

/* "p[3].xa" */
struct FieldName {
  FieldName(int32_t i, const char *field) { snprintf(text, sizeof text, "p[%d].%s", i, field); }
  operator const char *() const { return text; }
  char text[20];
};

void check_count(Call &c, const lt_lora_proj *p, int32_t n) {
  if (!p) c.refuse("p is NULL");
  if (n < 1 || n > kMostProjections) c.refuse("n is %d, wanted 1 to %d", n, kMostProjections);
}

/* What forward and backward have in common; says whether the projection has LoRA. */
bool check_frozen(Call &c, const lt_lora_proj &p, int32_t i, const lt_tensor &x) {
  c.matrix(FieldName(i, "w"), &p.w, any, {x.cols, "x.cols"});
  c.in_opt(FieldName(i, "bias"), &p.bias, f32, 1, {p.w.rows, "w.rows"});
  if (p.reserved != 0) c.refuse("p[%d].reserved is %d, wanted 0", i, p.reserved);
  if (Call::absent(&p.a)) return false;
  const auto &a = c.in(FieldName(i, "a"), &p.a, f32, any, {x.cols, "x.cols"});
  if (a.rows < 1) c.refuse("p[%d].a is [%lld, %lld], wanted at least one row", i, (long long)a.rows, (long long)a.cols);
  c.in(FieldName(i, "b"), &p.b, f32, {p.w.rows, "w.rows"}, {a.rows, "a.rows"});
  c.finite(FieldName(i, "scale"), p.scale);
  return true;
}

}  // namespace

extern "C" {

lt_status lt_matmul(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_matrix *w, int32_t mode) {
  return checked_call(engine, "lt_matmul", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any);
    const auto &X = c.in("x", x, act, any, {W.cols, "w.cols"});
    const auto &Y = c.out("y", y, act_or_f32, {X.rows, "x.rows"}, {W.rows, "w.rows"});
    c.mode(mode);
    return c.run(&Backend::matmul, Y, X, W, mode);
  });
}

lt_status lt_dmatmul(lt_engine *engine, const lt_tensor *dx, const lt_tensor *dy, const lt_matrix *w, int32_t mode) {
  return checked_call(engine, "lt_dmatmul", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any);
    const auto &DY = c.in("dy", dy, act, any, {W.rows, "w.rows"});
    const auto &DX = c.out("dx", dx, act, {DY.rows, "dy.rows"}, {W.cols, "w.cols"});
    c.mode(mode);
    return c.run(&Backend::dmatmul, DX, DY, W, mode);
  });
}

lt_status lt_lora_matmul(lt_engine *engine, const lt_lora_proj *p, int32_t n, const lt_tensor *x) {
  return checked_call(engine, "lt_lora_matmul", [&](Call &c) {
    check_count(c, p, n);
    const auto &X = c.in("x", x, act, any, any);
    for (int32_t i = 0; i < n; i++) {
      const bool lora = check_frozen(c, p[i], i, X);
      c.out(FieldName(i, "y"), &p[i].y, act, {X.rows, "x.rows"}, {p[i].w.rows, "w.rows"});
      if (lora) c.out(FieldName(i, "xa"), &p[i].xa, act, {X.rows, "x.rows"}, {p[i].a.rows, "a.rows"});
    }
    return c.run(&Backend::lora_matmul, p, n, X);
  });
}

lt_status lt_dlora_matmul(lt_engine *engine, const lt_tensor *dx, const lt_lora_proj *p, int32_t n, const lt_tensor *x, int32_t mode) {
  return checked_call(engine, "lt_dlora_matmul", [&](Call &c) {
    check_count(c, p, n);
    const auto &X = c.in("x", x, act, any, any);
    const auto &DX = c.out_opt("dx", dx, act, {X.rows, "x.rows"}, {X.cols, "x.cols"});
    c.mode(mode);
    for (int32_t i = 0; i < n; i++) {
      const bool lora = check_frozen(c, p[i], i, X);
      c.in(FieldName(i, "y"), &p[i].y, act, {X.rows, "x.rows"}, {p[i].w.rows, "w.rows"});
      if (!lora) continue;
      c.in(FieldName(i, "xa"), &p[i].xa, act, {X.rows, "x.rows"}, {p[i].a.rows, "a.rows"});
      c.out(FieldName(i, "da"), &p[i].da, f32, {p[i].a.rows, "a.rows"}, {p[i].a.cols, "a.cols"});
      c.out(FieldName(i, "db"), &p[i].db, f32, {p[i].b.rows, "b.rows"}, {p[i].b.cols, "b.cols"});
    }
    return c.run(&Backend::dlora_matmul, DX, p, n, X, mode);
  });
}

lt_status lt_lora_merge(lt_engine *engine, const lt_tensor *y, const lt_matrix *w, int64_t row0, const lt_tensor *a, const lt_tensor *b,
                        float scale) {
  return checked_call(engine, "lt_lora_merge", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any);
    const auto &Y = c.out("y", y, f32, any, {W.cols, "w.cols"});
    const auto &A = c.in("a", a, f32, any, {W.cols, "w.cols"});
    const auto &B = c.in("b", b, f32, {W.rows, "w.rows"}, {A.rows, "a.rows"});
    c.finite("scale", scale);
    c.row_range(row0, Y.rows, W);
    return c.run(&Backend::lora_merge, Y, W, row0, A, B, scale);
  });
}

}  // extern "C"
