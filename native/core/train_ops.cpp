/* lt_head_loss, lt_grad_norm, lt_adamw: what follows the last block, and the optimizer. */
#include "check.h"

using namespace luthier;

namespace {

/* The unit that tensors are padded to in the optimizer's buffers, and its 8-bit states' block. */
constexpr int64_t kOptimizerBlock = 256;

}  // namespace

extern "C" {

lt_status lt_head_loss(lt_engine *engine, const lt_tensor *nll, const lt_tensor *dx, const lt_tensor *best, const lt_tensor *x, const lt_matrix *w,
                       const lt_tensor *labels, const lt_head_loss_params *p) {
  return checked_call(engine, "lt_head_loss", [&](Call &c) {
    const auto &P = c.params(p);
    const auto &W = c.matrix("w", w, any, any);
    if (W.rows < 1) c.refuse("w has no rows, wanted one for each word of the vocabulary");
    if (W.rows > INT32_MAX) c.refuse("w has %lld rows, wanted at most %d: labels are I32", (long long)W.rows, INT32_MAX);
    const auto &X = c.in("x", x, act, any, {W.cols, "w.cols"});
    const Dim tokens{X.rows, "x.rows"};
    const auto &DX = c.out_opt("dx", dx, act, tokens, {X.cols, "x.cols"});
    const auto &N = c.out("nll", nll, f32, tokens, 1);
    const auto &B = c.out_opt("best", best, i32, tokens, 1);
    const auto &L = c.in("labels", labels, i32, tokens, 1);
    c.finite("p.grad_scale", P.grad_scale);
    c.finite("p.softcap", P.softcap);
    if (P.softcap < 0) c.refuse("p.softcap is %g, wanted 0 (none) or more", P.softcap);
    if (!(P.smoothing >= 0 && P.smoothing < 1)) c.refuse("p.smoothing is %g, wanted 0 or more and less than 1", P.smoothing);
    return c.run(&Backend::head_loss, N, DX, B, X, W, L, P);
  });
}

lt_status lt_grad_norm(lt_engine *engine, const lt_tensor *out, const lt_tensor *g, float scale) {
  return checked_call(engine, "lt_grad_norm", [&](Call &c) {
    const auto &G = c.in("g", g, f32, any, any);
    const auto &O = c.out("out", out, f32, 1, 2);
    c.finite("scale", scale);
    return c.run(&Backend::grad_norm, O, G, scale);
  });
}

lt_status lt_adamw(lt_engine *engine, const lt_adamw_params *p) {
  return checked_call(engine, "lt_adamw", [&](Call &c) {
    const auto &P = c.params(p);
    const auto &X = c.out("p.param", &P.param, f32, 1, any);
    if (X.cols % kOptimizerBlock != 0)
      c.refuse("p.param is [1, %lld], wanted cols a multiple of %lld", (long long)X.cols, (long long)kOptimizerBlock);
    const Dim n{X.cols, "param.cols"};
    const bool bits8 = P.m.dtype == LT_U8;
    const Kind state = bits8 ? u8 : f32;
    c.in("p.grad", &P.grad, f32, 1, n);
    c.out("p.m", &P.m, state, 1, n);
    c.out("p.v", &P.v, state, 1, n);
    if (bits8) {
      const Dim blocks{X.cols / kOptimizerBlock, "param.cols / 256"};
      c.out("p.m_absmax", &P.m_absmax, f32, 1, blocks);
      c.out("p.v_absmax", &P.v_absmax, f32, 1, blocks);
    } else if (P.m_absmax.data || P.v_absmax.data) {
      c.refuse("p.m_absmax and p.v_absmax belong to U8 states, wanted absent with F32 states");
    }
    c.in("p.norm", &P.norm, f32, 1, 2);
    c.finite("p.lr", P.lr);
    c.finite("p.weight_decay", P.weight_decay);
    c.finite("p.grad_scale", P.grad_scale);
    if (!(P.beta1 >= 0 && P.beta1 < 1)) c.refuse("p.beta1 is %g, wanted 0 or more and less than 1", P.beta1);
    if (!(P.beta2 >= 0 && P.beta2 < 1)) c.refuse("p.beta2 is %g, wanted 0 or more and less than 1", P.beta2);
    if (!(P.eps >= 0)) c.refuse("p.eps is %g, wanted 0 or more", P.eps);
    if (!(P.clip >= 0)) c.refuse("p.clip is %g, wanted 0 (none) or more", P.clip);
    if (P.step < 1) c.refuse("p.step is %d, wanted 1 for the first update", P.step);
    return c.run(&Backend::adamw, P);
  });
}

}  // extern "C"
