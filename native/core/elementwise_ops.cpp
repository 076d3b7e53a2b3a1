/* lt_rope to lt_embedding: positions, gates, and ops on single elements or whole rows. */
#include "check.h"

using namespace luthier;

namespace {

void check_activation(Call &c, int32_t act) {
  if (act != LT_ACT_SILU && act != LT_ACT_GELU_TANH) c.refuse("act is %d, wanted LT_ACT_SILU or LT_ACT_GELU_TANH", act);
}

void check_same_dtype(Call &c, const lt_tensor &y, const lt_tensor &x) {
  if (y.dtype != x.dtype) c.refuse("y is %s, wanted %s like x", name(y.dtype), name(x.dtype));
}

}  // namespace

extern "C" {

lt_status lt_rope(lt_engine *engine, const lt_tensor *q, const lt_tensor *k, const lt_tensor *pos, const lt_tensor *inv_freq, int32_t head_dim,
                  float mscale, int32_t direction) {
  return checked_call(engine, "lt_rope", [&](Call &c) {
    const auto &Q = c.out("q", q, act, any, any);
    const auto &K = c.out_opt("k", k, act, {Q.rows, "q.rows"}, any);
    const auto &P = c.in("pos", pos, i32, {Q.rows, "q.rows"}, 1);
    const auto &F = c.in("inv_freq", inv_freq, f32, 1, any);
    if (head_dim < 1 || 2 * F.cols > head_dim)
      c.refuse("head_dim is %d, wanted at least %lld (2 inv_freq.cols)", head_dim, 2 * (long long)F.cols);
    if (Q.cols % head_dim) c.refuse("q is [%lld, %lld], wanted cols a multiple of %d (head_dim)", (long long)Q.rows, (long long)Q.cols, head_dim);
    if (K.cols % head_dim) c.refuse("k is [%lld, %lld], wanted cols a multiple of %d (head_dim)", (long long)K.rows, (long long)K.cols, head_dim);
    c.finite("mscale", mscale);
    if (direction != 1 && direction != -1) c.refuse("direction is %d, wanted 1 or -1", direction);
    return c.run(&Backend::rope, Q, K, P, F, head_dim, mscale, direction);
  });
}

lt_status lt_glu(lt_engine *engine, const lt_tensor *y, const lt_tensor *gate, const lt_tensor *up, int32_t activation) {
  return checked_call(engine, "lt_glu", [&](Call &c) {
    const auto &G = c.in("gate", gate, act, any, any);
    const Dim rows{G.rows, "gate.rows"}, cols{G.cols, "gate.cols"};
    const auto &U = c.in("up", up, act, rows, cols);
    const auto &Y = c.out("y", y, act, rows, cols);
    check_activation(c, activation);
    return c.run(&Backend::glu, Y, G, U, activation);
  });
}

lt_status lt_dglu(lt_engine *engine, const lt_tensor *dgate, const lt_tensor *dup, const lt_tensor *dy, const lt_tensor *gate, const lt_tensor *up,
                  int32_t activation) {
  return checked_call(engine, "lt_dglu", [&](Call &c) {
    const auto &G = c.in("gate", gate, act, any, any);
    const Dim rows{G.rows, "gate.rows"}, cols{G.cols, "gate.cols"};
    const auto &U = c.in("up", up, act, rows, cols);
    const auto &DY = c.in("dy", dy, act, rows, cols);
    const auto &DG = c.out("dgate", dgate, act, rows, cols);
    const auto &DU = c.out("dup", dup, act, rows, cols);
    check_activation(c, activation);
    c.may_alias("dgate", "gate");
    c.may_alias("dup", "up");
    return c.run(&Backend::dglu, DG, DU, DY, G, U, activation);
  });
}

lt_status lt_add(lt_engine *engine, const lt_tensor *y, const lt_tensor *a, const lt_tensor *b) {
  return checked_call(engine, "lt_add", [&](Call &c) {
    const auto &A = c.in("a", a, act, any, any);
    const auto &B = c.in("b", b, act, {A.rows, "a.rows"}, {A.cols, "a.cols"});
    const auto &Y = c.out("y", y, act, {A.rows, "a.rows"}, {A.cols, "a.cols"});
    c.may_alias("y", "a");
    c.may_alias("y", "b");
    return c.run(&Backend::add, Y, A, B);
  });
}

lt_status lt_cast(lt_engine *engine, const lt_tensor *y, const lt_tensor *x) {
  return checked_call(engine, "lt_cast", [&](Call &c) {
    const auto &X = c.in("x", x, any_float, any, any);
    const auto &Y = c.out("y", y, any_float, {X.rows, "x.rows"}, {X.cols, "x.cols"});
    return c.run(&Backend::cast, Y, X);
  });
}

lt_status lt_softcap(lt_engine *engine, const lt_tensor *x, float cap) {
  return checked_call(engine, "lt_softcap", [&](Call &c) {
    const auto &X = c.out("x", x, act, any, any);
    c.finite("cap", cap);
    if (!(cap > 0)) c.refuse("cap is %g, wanted more than 0", cap);
    return c.run(&Backend::softcap, X, cap);
  });
}

lt_status lt_gather_rows(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_tensor *idx) {
  return checked_call(engine, "lt_gather_rows", [&](Call &c) {
    const auto &X = c.in("x", x, any_type, any, any);
    const auto &I = c.in("idx", idx, i32, any, 1);
    const auto &Y = c.out("y", y, any_type, {I.rows, "idx.rows"}, {X.cols, "x.cols"});
    check_same_dtype(c, Y, X);
    return c.run(&Backend::gather_rows, Y, X, I);
  });
}

lt_status lt_scatter_rows(lt_engine *engine, const lt_tensor *y, const lt_tensor *x, const lt_tensor *idx) {
  return checked_call(engine, "lt_scatter_rows", [&](Call &c) {
    const auto &X = c.in("x", x, any_type, any, any);
    const auto &I = c.in("idx", idx, i32, {X.rows, "x.rows"}, 1);
    const auto &Y = c.out("y", y, any_type, any, {X.cols, "x.cols"});
    check_same_dtype(c, Y, X);
    return c.run(&Backend::scatter_rows, Y, X, I);
  });
}

lt_status lt_embedding(lt_engine *engine, const lt_tensor *y, const lt_tensor *ids, const lt_matrix *w, float scale) {
  return checked_call(engine, "lt_embedding", [&](Call &c) {
    const auto &W = c.matrix("w", w, any, any);
    const auto &I = c.in("ids", ids, i32, any, 1);
    const auto &Y = c.out("y", y, act, {I.rows, "ids.rows"}, {W.cols, "w.cols"});
    c.finite("scale", scale);
    return c.run(&Backend::embedding, Y, I, W, scale);
  });
}

}  // extern "C"
