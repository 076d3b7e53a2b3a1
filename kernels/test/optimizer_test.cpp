#include "optimizer.h"

#include <algorithm>

#include "nf4_reference.h"
#include "test.h"

using namespace t;

namespace {
kernels::AdamwUpdate update(float clip, int step) { return {2e-3f, 0.9f, 0.995f, 1e-8f, 0.1f, clip, 0.5f, step}; }

// one element in fp64
void reference(const kernels::AdamwUpdate& u, double norm, double& w, double& m, double& v, double g) {
    g *= (double)u.grad_scale * (u.clip > 0 ? std::min(1.0, u.clip / (norm + 1e-6)) : 1.0);
    m = (double)u.beta1 * m + (1 - (double)u.beta1) * g;
    v = (double)u.beta2 * v + (1 - (double)u.beta2) * g * g;
    const double m_hat = m / (1 - std::pow((double)u.beta1, u.step)), v_hat = v / (1 - std::pow((double)u.beta2, u.step));
    w = w * (1 - (double)u.lr * u.weight_decay) - u.lr * m_hat / (std::sqrt(v_hat) + u.eps);
}

// The unsigned code, built as bitsandbytes builds it.
std::vector<float> unsigned_code() {
    std::vector<float> code = {0.f, 1.f};
    for (int decade = 0; decade < 7; decade++) {
        const int points = (2 << decade) + 1;
        const float step = (1.0f - 0.1f) / (float)(points - 1);
        auto boundary = [&](int i) { return i < points / 2 ? std::fma(step, (float)i, 0.1f) : std::fma(-step, (float)(points - i - 1), 1.0f); };
        for (int i = 0; i + 1 < points; i++) code.push_back((float)std::pow(10.0, decade - 6) * ((boundary(i) + boundary(i + 1)) / 2.0f));
    }
    std::sort(code.begin(), code.end());
    return code;
}
std::vector<uint8_t> codes(size_t n, int first) {
    std::vector<uint8_t> v(n);
    for (uint8_t& x : v) x = (uint8_t)(first + draw() % (256 - first));
    return v;
}
}  // namespace

TEST(grad_norm) {
    struct {
        int rows, cols, gap, shift;
    } cases[] = {{1, 1024, 0, 0}, {3, 5, 2, 0}, {7, 133, 0, 0}, {5, 300, 4, 0}, {2, 77, 0, 1}};
    for (auto& c : cases)
        for (int wild : {0, 2}) {
            auto g = random<float>((size_t)c.rows * c.cols, 3.f);
            double sum = 0;
            for (float x : g) sum += 0.25 * x * x;
            if (wild) {
                g[1] = NAN;
                g.back() = -INFINITY;
            }
            Repeatable<float> bits;
            schedules("norm", [&] {
                Matrix<float> mg(g, c.rows, c.cols, c.cols + c.gap, c.shift);
                Buf<kernels::NormPart> scratch(kernels::kNormParts);
                Buf<float> norm(2);
                check(kernels::grad_norm(norm.get(), scratch.get(), mg.rows(), 0.5f, 0));
                const auto got = norm.down();
                if (wild) {
                    if (std::isfinite(got[0]) || got[1] != 2.f) fail("norm %g, %g not finite, want 2", got[0], got[1]);
                } else {
                    close("norm", got, {std::sqrt(sum), 0.0}, 1e-7, 0);
                    bits.same("norm", got);
                }
            });
        }
}

TEST(adamw) {
    for (int n : {256, 1280})
        for (float clip : {0.f, 1.5f}) {
            const auto u = update(clip, n == 256 ? 1 : 7);
            const auto w0 = random<float>(n), g0 = random<float>(n), m0 = random<float>(n, 0.1f), v0 = random<float>(n, 0.01f, 0.011f);
            std::vector<double> w = {w0.begin(), w0.end()}, m = {m0.begin(), m0.end()}, v = {v0.begin(), v0.end()};
            for (int i = 0; i < n; i++) reference(u, 3.0, w[i], m[i], v[i], g0[i]);
            schedules("adamw", [&] {
                Buf<float> bw(w0), bg(g0), bm(m0), bv(v0), norm(std::vector<float>{3.f, 0.f}), bad(std::vector<float>{INFINITY, 1.f}), large(std::vector<float>{INFINITY, 0.f});
                check(kernels::adamw(bw.get(), bg.get(), bm.get(), bv.get(), bad.get(), n, u, 0));     // both are left out
                check(kernels::adamw(bw.get(), bg.get(), bm.get(), bv.get(), large.get(), n, u, 0));
                equal("skipped", bw.down(), w0);
                equal("skipped m", bm.down(), m0);
                check(kernels::adamw(bw.get(), bg.get(), bm.get(), bv.get(), norm.get(), n, u, 0));
                close("w", bw.down(), w, 1e-6, 1e-7);
                close("m", bm.down(), m, 1e-6, 1e-8);
                close("v", bv.down(), v, 1e-6, 1e-9);
            });
        }
}

TEST(adamw_8bit) {
    const std::vector<float> code = dynamic_code(), positive = unsigned_code();
    for (int n : {256, 9 * 256}) {
        const int blocks = n / 256;
        const auto u = update(1.5f, 5);
        const auto w0 = random<float>(n), g0 = random<float>(n);
        const auto m0 = codes(n, 0), v0 = codes(n, 64);
        const auto ms0 = random<float>(blocks, 0.05f, 0.1f), vs0 = random<float>(blocks, 0.01f, 0.02f);
        std::vector<double> w = {w0.begin(), w0.end()}, m(n), v(n), m_most(blocks), v_most(blocks);
        for (int i = 0; i < n; i++) {
            m[i] = code[m0[i]] * ms0[i / 256];
            v[i] = positive[v0[i]] * vs0[i / 256];
            reference(u, 3.0, w[i], m[i], v[i], g0[i]);
            m_most[i / 256] = std::max(m_most[i / 256], std::fabs(m[i]));
            v_most[i / 256] = std::max(v_most[i / 256], v[i]);
        }
        schedules("adamw_8bit", [&] {
            Buf<float> bw(w0), bg(g0), ms(ms0), vs(vs0), norm(std::vector<float>{3.f, 0.f}), bad(std::vector<float>{1.f, 1.f});
            Buf<uint8_t> bm(m0), bv(v0);
            auto step = [&](const Buf<float>& with) { check(kernels::adamw_8bit(bw.get(), bg.get(), bm.get(), bv.get(), ms.get(), vs.get(), with.get(), n, u, 0)); };
            step(bad);
            equal("skipped", bw.down(), w0);
            equal("skipped m", bm.down(), m0);
            equal("skipped v scale", vs.down(), vs0);
            step(norm);
            close("w", bw.down(), w, 1e-6, 1e-6);
            close("m scale", ms.down(), m_most, 1e-6, 0);
            close("v scale", vs.down(), v_most, 1e-6, 0);
            // each state is the nearest entry, but for the first moment's sign; fp32 may tip what is near the middle of two
            const auto mc = bm.down(), vc = bv.down();
            auto nearest = [](const std::vector<float>& table, int got, double x) {
                double best = 1e9;
                for (float c : table) best = std::min(best, std::fabs(c - x));
                return std::fabs(table[got] - x) <= best + 1e-6;
            };
            for (int i = 0; i < n; i++) {
                const double x = m[i] / m_most[i / 256], y = v[i] / v_most[i / 256];
                const bool turned = (mc[i] > 0 && code[mc[i] - 1] < 0 && x > 0) || (mc[i] < 255 && code[mc[i] + 1] > 0 && x < 0);   // next to the sign's change
                if (code[mc[i]] * x < 0 || !(nearest(code, mc[i], x) || turned)) fail("m code %d of %.9g is %.9g", i, x, code[mc[i]]);
                if (!nearest(positive, vc[i], y)) fail("v code %d of %.9g is %.9g", i, y, positive[vc[i]]);
            }
        });
    }
}
