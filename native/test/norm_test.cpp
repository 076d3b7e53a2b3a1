/* RMSNorm, RoPE, gates and element-wise ops against fp64 formulas, in every activation type, at awkward sizes. */
#include "test.h"

using test::Engine;
using test::kAbsent;
using test::kActs;
using test::Tensor;
using Values = std::vector<float>;
using Wanted = std::vector<double>;

namespace {

/* Random values as the dtype holds them. */
Values input(int64_t n, int32_t dtype, float scale = 1) {
  Values x = test::random().normals(n, scale);
  for (float &v : x) v = test::rounded(dtype, v);
  return x;
}

const struct {
  int64_t rows, cols, gap;
} kShapes[] = {{1, 1, 0}, {3, 5, 0}, {2, 16, 3}, {7, 63, 1}, {129, 64, 0}, {5, 300, 7}, {2, 20000, 0}};

TEST(rmsnorm_forward_and_backward) {
  for (int32_t dtype : kActs)
    for (const auto &s : kShapes)
      for (float offset : {0.0f, 1.0f})
        for (int32_t mode : {LT_SET, LT_ADD}) {
          const Engine e;
          const int64_t n = s.rows * s.cols, C = s.cols;
          const float eps = 1e-5f;
          const Values x = input(n, dtype, 2), g = input(C, LT_F32), dy = input(n, dtype), before = input(n, dtype), dg_before = input(C, LT_F32);
          const Tensor X(e, s.rows, C, x, dtype, s.gap), G(e, 1, C, g), DY(e, s.rows, C, dy, dtype, s.gap), Y(e, s.rows, C, dtype, s.gap),
              R(e, s.rows, 1, LT_F32, 2), DX(e, s.rows, C, before, dtype, 2 * s.gap), DG(e, 1, C, dg_before);
          OK(lt_rmsnorm(e, Y, R, X, G, offset, eps));
          OK(lt_drmsnorm(e, DX, DG, DY, X, R, G, offset, mode));
          Wanted y(n), r(s.rows), dx(n), dg(dg_before.begin(), dg_before.end());
          double largest = 0;
          for (int64_t t = 0; t < s.rows; t++) {
            double squares = 0, dot = 0;
            for (int64_t c = 0; c < C; c++) squares += double(x[t * C + c]) * x[t * C + c];
            r[t] = 1 / std::sqrt(squares / C + eps);
            for (int64_t c = 0; c < C; c++) dot += double(dy[t * C + c]) * (g[c] + offset) * x[t * C + c];
            for (int64_t c = 0; c < C; c++) {
              const int64_t i = t * C + c;
              y[i] = x[i] * r[t] * (g[c] + offset);
              dx[i] = r[t] * (dy[i] * (double(g[c]) + offset) - x[i] * r[t] * r[t] * dot / C) + (mode == LT_ADD ? before[i] : 0);
              dg[c] += dy[i] * x[i] * r[t];
              largest = std::max(largest, std::fabs(r[t] * dy[i] * (double(g[c]) + offset)));
            }
          }
          test::check_close(Y.floats(), y, test::tolerance(dtype), 1e-7, "y");
          test::check_close(R.floats(), r, 1e-5, 0, "rstd");
          test::check_close(DX.floats(), dx, test::tolerance(dtype), 1e-5 * largest, "dx");
          test::check_close(DG.floats(), dg, 1e-5, 1e-5 * std::sqrt(double(s.rows)), "dg");

          /* In place, and without what may be absent. */
          OK(lt_rmsnorm(e, X, nullptr, X, G, offset, eps));
          CHECK(X.floats() == Y.floats(), "in place differs");
          if (mode == LT_SET) {
            const Tensor X2(e, s.rows, C, x, dtype, s.gap);
            OK(lt_drmsnorm(e, DY, &kAbsent, DY, X2, R, G, offset, LT_SET));
            CHECK(DY.floats() == DX.floats(), "dx in place of dy differs");
          }
        }
}

TEST(rope_turns_and_turns_back) {
  for (int32_t dtype : kActs)
    for (int64_t head_dim : {8, 40, 64, 300})
      for (int64_t partial : {0, 2}) {
        const Engine e;
        const int64_t T = 11, heads = 3, kv = 1, R = head_dim / 2 - partial;
        const float mscale = 1.25f;
        const Values q = input(T * heads * head_dim, dtype), k = input(T * kv * head_dim, dtype);
        std::vector<int32_t> pos(T);
        for (auto &p : pos) p = static_cast<int32_t>(test::random().below(100000));
        Values f(R);
        for (int64_t i = 0; i < R; i++) f[i] = static_cast<float>(std::pow(10000.0, -double(i) / R));
        const Tensor Q(e, T, heads * head_dim, q, dtype, 5), K(e, T, kv * head_dim, k, dtype), P(e, pos), F(e, 1, R, f);
        OK(lt_rope(e, Q, K, P, F, static_cast<int32_t>(head_dim), mscale, 1));
        const auto turned = [&](const Values &x, int64_t n) {
          Wanted y(x.begin(), x.end());
          for (int64_t t = 0; t < T; t++)
            for (int64_t h = 0; h < n; h++)
              for (int64_t i = 0; i < R; i++) {
                const int64_t a = (t * n + h) * head_dim + i, b = a + R;
                const double angle = static_cast<float>(pos[t]) * f[i]; /* the angle is an fp32 number */
                y[a] = (x[a] * std::cos(angle) - x[b] * std::sin(angle)) * mscale;
                y[b] = (x[b] * std::cos(angle) + x[a] * std::sin(angle)) * mscale;
              }
          return y;
        };
        test::check_close(Q.floats(), turned(q, heads), test::tolerance(dtype), 2e-6, "q");
        test::check_close(K.floats(), turned(k, kv), test::tolerance(dtype), 2e-6, "k");
        if (dtype == LT_F32) {
          OK(lt_rope(e, Q, nullptr, P, F, static_cast<int32_t>(head_dim), 1 / mscale, -1));
          test::check_close(Q.floats(), Wanted(q.begin(), q.end()), 1e-5, 1e-5, "q turned back");
        }
      }
}

double gate_value(int32_t act, double x) {
  return act == LT_ACT_SILU ? x / (1 + std::exp(-x)) : 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

double gate_slope(int32_t act, double x) {
  if (act == LT_ACT_SILU) {
    const double s = 1 / (1 + std::exp(-x));
    return s * (1 + x * (1 - s));
  }
  const double t = std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
}

TEST(glu_forward_and_backward) {
  for (int32_t dtype : kActs)
    for (int32_t act : {LT_ACT_SILU, LT_ACT_GELU_TANH})
      for (const auto &s : kShapes) {
        const Engine e;
        const int64_t n = s.rows * s.cols;
        Values gate = input(n, dtype, 4), up = input(n, dtype), dy = input(n, dtype);
        gate[0] = test::rounded(dtype, -200);
        gate[n - 1] = test::rounded(dtype, 200);
        const Tensor G(e, s.rows, s.cols, gate, dtype, s.gap), U(e, s.rows, s.cols, up, dtype), DY(e, s.rows, s.cols, dy, dtype, 1),
            Y(e, s.rows, s.cols, dtype, s.gap), DG(e, s.rows, s.cols, dtype), DU(e, s.rows, s.cols, dtype, s.gap);
        OK(lt_glu(e, Y, G, U, act));
        OK(lt_dglu(e, DG, DU, DY, G, U, act));
        Wanted y(n), dg(n), du(n);
        for (int64_t i = 0; i < n; i++) {
          y[i] = gate_value(act, gate[i]) * up[i];
          du[i] = dy[i] * gate_value(act, gate[i]);
          dg[i] = double(dy[i]) * up[i] * gate_slope(act, gate[i]);
        }
        const double absolute = 1e-6;
        test::check_close(Y.floats(), y, test::tolerance(dtype), absolute, "y");
        test::check_close(DU.floats(), du, test::tolerance(dtype), absolute, "dup");
        test::check_close(DG.floats(), dg, test::tolerance(dtype), absolute, "dgate");
        OK(lt_dglu(e, G, U, DY, G, U, act));
        CHECK(G.floats() == DG.floats() && U.floats() == DU.floats(), "in place differs");
      }
}

TEST(add_and_softcap) {
  for (int32_t dtype : kActs)
    for (const auto &s : kShapes) {
      const Engine e;
      const int64_t n = s.rows * s.cols;
      const Values a = input(n, dtype, 3), b = input(n, dtype);
      const Tensor A(e, s.rows, s.cols, a, dtype, s.gap), B(e, s.rows, s.cols, b, dtype), Y(e, s.rows, s.cols, dtype, 2);
      OK(lt_add(e, Y, A, B));
      Wanted y(n), capped(n);
      const float cap = 1.5f;
      for (int64_t i = 0; i < n; i++) {
        y[i] = double(a[i]) + b[i];
        capped[i] = cap * std::tanh(a[i] / double(cap));
      }
      test::check_close(Y.floats(), y, test::tolerance(dtype), 1e-7, "y");
      OK(lt_add(e, B, B, A));
      CHECK(B.floats() == Y.floats(), "in place differs");
      OK(lt_softcap(e, A, cap));
      test::check_close(A.floats(), capped, dtype == LT_F32 ? 5e-7 : test::tolerance(dtype), 1e-7, "capped");
    }
}

TEST(cast_rounds_to_nearest_even) {
  /* All 16-bit patterns come back, and every tie between neighbours goes to the even one. */
  for (int32_t dtype : {LT_F16, LT_BF16}) {
    const Engine e;
    const int64_t n = 1 << 16;
    std::vector<uint16_t> bits(n);
    for (int64_t i = 0; i < n; i++) bits[i] = static_cast<uint16_t>(i);
    const Tensor H(e, 1, n, dtype), F(e, 1, n), Back(e, 1, n, dtype);
    OK(lt_upload(e, H.t.data, bits.data(), 2 * n));
    OK(lt_cast(e, F, H));
    OK(lt_cast(e, Back, F));
    const auto wide = F.floats();
    const auto back = Back.bytes();
    Values ties(n, 0), above(n, 0), below(n, 0);
    for (int64_t i = 0; i < n; i++) {
      uint16_t b;
      memcpy(&b, &back[2 * i], 2);
      CHECK(std::isnan(wide[i]) == std::isnan(test::to_float(dtype, &bits[i], 0)));
      if (std::isnan(wide[i])) continue;
      CHECK(b == bits[i], "0x%04x came back as 0x%04x", bits[i], b);
      CHECK(wide[i] == test::to_float(dtype, &bits[i], 0), "0x%04x is %g", bits[i], wide[i]);
      if (i + 1 < n && std::isfinite(wide[i]) && std::isfinite(wide[i + 1]) && wide[i] != 0) {
        ties[i] = static_cast<float>((double(wide[i]) + wide[i + 1]) / 2);
        above[i] = std::nextafterf(ties[i], wide[i + 1]);
        below[i] = std::nextafterf(ties[i], wide[i]);
      }
    }
    const Tensor Ties(e, 1, n, ties), Above(e, 1, n, above), Below(e, 1, n, below);
    for (const auto &[input, step] : {std::pair<const Tensor *, int>{&Ties, 2}, {&Above, 1}, {&Below, 0}}) {
      OK(lt_cast(e, Back, *input));
      const auto got = Back.bytes();
      for (int64_t i = 0; i < n; i++) {
        if (ties[i] == 0) continue;
        uint16_t b;
        memcpy(&b, &got[2 * i], 2);
        const int64_t want = step == 2 ? (i % 2 ? i + 1 : i) : i + step;
        CHECK(b == want, "near 0x%04llx: 0x%04x, wanted 0x%04llx", (long long)i, b, (long long)want);
      }
    }
    const Tensor Big(e, 1, 4, {1e30f, -1e30f, INFINITY, NAN}), Small(e, 1, 4, dtype);
    OK(lt_cast(e, Small, Big));
    const auto s = Small.floats();
    CHECK(dtype == LT_BF16 || (std::isinf(s[0]) && s[0] > 0 && std::isinf(s[1]) && s[1] < 0), "overflow is %g %g", s[0], s[1]);
    CHECK(std::isinf(s[2]) && std::isnan(s[3]), "infinity and NaN are %g %g", s[2], s[3]);
  }
}

}  // namespace
