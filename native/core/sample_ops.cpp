/* lt_sample. */
#include "check.h"

using namespace luthier;

extern "C" lt_status lt_sample(lt_engine *engine, const lt_tensor *ids, const lt_tensor *logits, const lt_tensor *history,
                               const lt_sample_params *p) {
  return checked_call(engine, "lt_sample", [&](Call &c) {
    const auto &P = c.params(p);
    const auto &X = c.in("logits", logits, f32, any, any);
    if (X.cols < 1 || X.cols > INT32_MAX) c.refuse("logits is [%lld, %lld], wanted 1 to %d cols", (long long)X.rows, (long long)X.cols, INT32_MAX);
    const auto &I = c.out("ids", ids, i32, {X.rows, "logits.rows"}, 1);
    const auto &H = c.in_opt("history", history, i32, {X.rows, "logits.rows"}, any);
    c.finite("p.temperature", P.temperature);
    if (P.temperature < 0) c.refuse("p.temperature is %g, wanted 0 (greedy) or more", P.temperature);
    if (!(P.top_p > 0 && P.top_p <= 1)) c.refuse("p.top_p is %g, wanted more than 0 and at most 1", P.top_p);
    if (!(P.min_p >= 0 && P.min_p <= 1)) c.refuse("p.min_p is %g, wanted 0 to 1", P.min_p);
    c.finite("p.repeat_penalty", P.repeat_penalty);
    if (!(P.repeat_penalty > 0)) c.refuse("p.repeat_penalty is %g, wanted more than 0", P.repeat_penalty);
    if (P.top_k < 0) c.refuse("p.top_k is %d, wanted 0 (off) or more", P.top_k);
    if (P.reserved != 0) c.refuse("p.reserved is %d, wanted 0", P.reserved);
    return c.run(&Backend::sample, I, X, H, P);
  });
}
