/* The gradient's norm, AdamW with both kinds of state, and sampling. */
#include <algorithm>
#include <numeric>

#include "cpu/codes.h"
#include "test.h"

using test::Engine;
using test::Tensor;
using Values = std::vector<float>;

namespace {

TEST(grad_norm) {
  for (int64_t n : {1, 255, 256, 20000, 300001}) {
    Values g = test::random().normals(n, 3);
    double squares = 0;
    for (float x : g) squares += double(x) * 0.25 * x * 0.25;
    std::vector<uint8_t> first;
    for (int threads : {1, 2, 5}) {
      const Engine e(threads);
      const Tensor G(e, 1, n, g), out(e, 1, 2);
      OK(lt_grad_norm(e, out, G, 0.25f));
      test::check_close(out.floats(), {std::sqrt(squares), 0}, 1e-6, 0, "norm");
      if (first.empty()) first = out.bytes();
      CHECK(out.bytes() == first, "%d threads give other bytes", threads);
    }
    const Engine e;
    g[0] = NAN;
    if (n > 2) g[n - 1] = INFINITY, g[n / 2] = -INFINITY;
    const Tensor G(e, 1, n, g), out(e, 1, 2);
    OK(lt_grad_norm(e, out, G, 0.25f));
    CHECK(out.floats()[1] == (n > 2 ? 3 : 1), "%g elements are not finite", out.floats()[1]);
  }
  const Engine e;
  const Tensor G(e, 70, 33, test::random().normals(70 * 33), LT_F32, 6), out(e, 1, 2); /* rows with gaps */
  double squares = 0;
  for (float x : G.floats()) squares += double(x) * x;
  OK(lt_grad_norm(e, out, G, 1));
  test::check_close(out.floats(), {std::sqrt(squares), 0}, 1e-6, 0, "norm");
}

struct State {
  State(const Engine &e, int64_t n, const Values &w, bool bits8)
      : param(e, 1, n, w), m(e, 1, n, bits8 ? LT_U8 : LT_F32), v(e, 1, n, bits8 ? LT_U8 : LT_F32), m_absmax(e, 1, n / 256), v_absmax(e, 1, n / 256) {
    for (const Tensor *t : {&m, &v, &m_absmax, &v_absmax}) OK(lt_zero(e, t->t.data, t->t.cols * test::size_of(t->t.dtype)));
  }
  Tensor param, m, v, m_absmax, v_absmax;
};

lt_adamw_params params(const State &s, const Tensor &g, const Tensor &norm, int32_t step, bool bits8) {
  return {s.param.t, g.t, s.m.t, s.v.t, bits8 ? s.m_absmax.t : test::kAbsent, bits8 ? s.v_absmax.t : test::kAbsent, norm.t, 1e-2f, 0.9f, 0.99f,
          1e-8f,     0.1f, 1.0f, 0.5f,  step};
}

TEST(adamw_against_fp64) {
  const Engine e;
  const int64_t n = 256 * 70;
  const Values w0 = test::random().normals(n);
  const State s(e, n, w0, false);
  std::vector<double> w(w0.begin(), w0.end()), m(n, 0), v(n, 0);
  for (int step = 1; step <= 5; step++) {
    const Values g = test::random().normals(n, step % 2 ? 0.5f : 1e-3f);
    const Tensor G(e, 1, n, g), norm(e, 1, 2);
    const lt_adamw_params p = params(s, G, norm, step, false);
    OK(lt_grad_norm(e, norm, G, p.grad_scale));
    OK(lt_adamw(e, &p));
    double squares = 0;
    for (float x : g) squares += double(x) * x / 4;
    const double clip = std::min(1.0, 1.0 / (std::sqrt(squares) + 1e-6)), b1 = p.beta1, b2 = p.beta2;
    for (int64_t i = 0; i < n; i++) {
      const double d = g[i] * 0.5 * clip;
      m[i] = b1 * m[i] + (1 - b1) * d;
      v[i] = b2 * v[i] + (1 - b2) * d * d;
      w[i] -= w[i] * p.lr * p.weight_decay;
      w[i] -= p.lr * (m[i] / (1 - std::pow(b1, step))) / (std::sqrt(v[i] / (1 - std::pow(b2, step))) + p.eps);
    }
    test::check_close(s.param.floats(), w, 1e-6, 1e-6, "param");
    test::check_close(s.m.floats(), m, 1e-5, 1e-7, "m");
    test::check_close(s.v.floats(), v, 1e-5, 1e-12, "v");
  }
  /* A gradient that is not finite changes nothing. */
  const auto before = s.param.bytes(), m_before = s.m.bytes();
  Values g = test::random().normals(n);
  g[n - 3] = NAN;
  const Tensor G(e, 1, n, g), norm(e, 1, 2);
  const lt_adamw_params p = params(s, G, norm, 6, false);
  OK(lt_grad_norm(e, norm, G, p.grad_scale));
  OK(lt_adamw(e, &p));
  CHECK(s.param.bytes() == before && s.m.bytes() == m_before, "an update was made");
}

/* 8-bit states: after each step the states are the fp64 update of what was stored, rounded to the nearest code. */
TEST(adamw_8bit_states) {
  const auto &codes = luthier::cpu::codes;
  const int64_t n = 256 * 130;
  const Values w0 = test::random().normals(n);
  std::vector<Values> gradients;
  for (int i = 0; i < 4; i++) gradients.push_back(test::random().normals(n, 0.01f));
  std::vector<std::vector<uint8_t>> first;
  for (int threads : {1, 3}) {
    const Engine e(threads);
    const State s(e, n, w0, true);
    std::vector<double> w(w0.begin(), w0.end());
    std::vector<float> m(n, 0), v(n, 0);
    for (int step = 1; step <= 4; step++) {
      const Values &g = gradients[step - 1];
      const Tensor G(e, 1, n, g), norm(e, 1, 2);
      lt_adamw_params p = params(s, G, norm, step, true);
      p.clip = 0;
      OK(lt_grad_norm(e, norm, G, p.grad_scale));
      OK(lt_adamw(e, &p));
      const auto mc = s.m.bytes(), vc = s.v.bytes();
      const Values m_absmax = s.m_absmax.floats(), v_absmax = s.v_absmax.floats();
      for (int64_t i = 0; i < n; i++) {
        const double d = g[i] * 0.5, b1 = p.beta1, b2 = p.beta2, mi = b1 * m[i] + (1 - b1) * d, vi = b2 * v[i] + (1 - b2) * d * d;
        w[i] -= w[i] * p.lr * p.weight_decay;
        w[i] -= p.lr * (mi / (1 - std::pow(b1, step))) / (std::sqrt(vi / (1 - std::pow(b2, step))) + p.eps);
        m[i] = codes.dynamic_signed[mc[i]] * m_absmax[i / 256];
        v[i] = codes.dynamic_unsigned[vc[i]] * v_absmax[i / 256];
        CHECK(std::fabs(mi) <= m_absmax[i / 256] * 1.000001 && vi <= v_absmax[i / 256] * 1.000001, "a state is larger than its block's scale");
        CHECK(double(m[i]) * mi >= 0, "the moment %g was stored as %g", mi, m[i]);
        /* No other code is clearly nearer (but the one that would change the sign). */
        for (int other : {mc[i] - 1, mc[i] + 1})
          if (other >= 0 && other < 256 && codes.dynamic_signed[other] * mi > 0)
            CHECK(std::fabs(m[i] - mi) <= std::fabs(double(codes.dynamic_signed[other]) * m_absmax[i / 256] - mi) + 1e-6 * m_absmax[i / 256]);
        for (int other : {vc[i] - 1, vc[i] + 1})
          if (other >= 0 && other < 256)
            CHECK(std::fabs(v[i] - vi) <= std::fabs(double(codes.dynamic_unsigned[other]) * v_absmax[i / 256] - vi) + 1e-6 * v_absmax[i / 256]);
      }
      /* w follows the states as they were stored, so that only fp32 rounding separates the two. */
      test::check_close(s.param.floats(), w, 1e-5, 1e-5, "param");
    }
    const std::vector<std::vector<uint8_t>> run = {s.param.bytes(), s.m.bytes(), s.v.bytes()};
    if (first.empty()) first = run;
    CHECK(run == first, "%d threads give other bytes", threads);
  }
}

TEST(dynamic_codes) {
  for (const float *code : {luthier::cpu::codes.dynamic_signed, luthier::cpu::codes.dynamic_unsigned}) {
    for (int i = 1; i < 256; i++) CHECK(code[i - 1] < code[i], "entry %d is not above the one before", i);
    CHECK(code[255] == 1 && std::find(code, code + 256, 0.0f) != code + 256, "0 or 1 is missing");
    for (int trial = 0; trial < 2000; trial++) {
      const float x = static_cast<float>(test::random().uniform() * 2.2 - 1.1);
      const int got = luthier::cpu::nearest(code, x);
      for (int i = 0; i < 256; i++) CHECK(std::fabs(code[got] - x) <= std::fabs(code[i] - x) + 1e-7f, "%g became %g, not %g", x, code[got], code[i]);
    }
  }
}

}  // namespace
