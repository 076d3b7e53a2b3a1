/* lt_rmsnorm, lt_drmsnorm. */
#include "check.h"

using namespace luthier;

extern "C" {

lt_status lt_rmsnorm(lt_engine *engine, const lt_tensor *y, const lt_tensor *rstd, const lt_tensor *x, const lt_tensor *g, float offset, float eps) {
  return checked_call(engine, "lt_rmsnorm", [&](Call &c) {
    const auto &X = c.in("x", x, act, any, any);
    const auto &Y = c.out("y", y, act, {X.rows, "x.rows"}, {X.cols, "x.cols"});
    const auto &R = c.out_opt("rstd", rstd, f32, {X.rows, "x.rows"}, 1);
    const auto &G = c.in("g", g, f32, 1, {X.cols, "x.cols"});
    c.finite("offset", offset);
    if (!(eps >= 0)) c.refuse("eps is %g, wanted 0 or more", eps);
    c.may_alias("y", "x");
    return c.run(&Backend::rmsnorm, Y, R, X, G, offset, eps);
  });
}

lt_status lt_drmsnorm(lt_engine *engine, const lt_tensor *dx, const lt_tensor *dg, const lt_tensor *dy, const lt_tensor *x, const lt_tensor *rstd,
                      const lt_tensor *g, float offset, int32_t mode) {
  return checked_call(engine, "lt_drmsnorm", [&](Call &c) {
    const auto &X = c.in("x", x, act, any, any);
    const auto &DY = c.in("dy", dy, act, {X.rows, "x.rows"}, {X.cols, "x.cols"});
    const auto &DX = c.out("dx", dx, act, {X.rows, "x.rows"}, {X.cols, "x.cols"});
    const auto &DG = c.out_opt("dg", dg, f32, 1, {X.cols, "x.cols"});
    const auto &R = c.in("rstd", rstd, f32, {X.rows, "x.rows"}, 1);
    const auto &G = c.in("g", g, f32, 1, {X.cols, "x.cols"});
    c.finite("offset", offset);
    c.mode(mode);
    if (mode == LT_SET) c.may_alias("dx", "dy");
    return c.run(&Backend::drmsnorm, DX, DG, DY, X, R, G, offset, mode);
  });
}

}  // extern "C"
