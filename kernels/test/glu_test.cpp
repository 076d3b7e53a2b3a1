#include "glu.h"

#include "test.h"

using namespace t;

namespace {
struct Case {
    int rows, cols, gap, shift;
};
const Case cases[] = {{2, 1024, 0, 0}, {1, 5, 0, 0}, {3, 67, 5, 0}, {3, 136, 8, 0}, {2, 300, 0, 1}};

template <class T> void gate(const Case& s, kernels::Gate act) {
    const size_t n = (size_t)s.rows * s.cols;
    auto g = random<T>(n, 6.f);
    g[0] = ke::from_float<T>(60.f);   // where the gate is all open and where it is all closed
    g[1] = ke::from_float<T>(-60.f);
    const auto u = random<T>(n), dy = random<T>(n);
    std::vector<double> y(n), dg(n), du(n);
    for (size_t i = 0; i < n; i++) {
        const double x = to_double(g[i]);
        double value, slope;
        if (act == kernels::Gate::silu) {
            const double sigma = 1 / (1 + std::exp(-x));
            value = x * sigma;
            slope = sigma + x * sigma * (1 - sigma);
        } else {
            const double a = std::sqrt(2 / 3.14159265358979323846), th = std::tanh(a * (x + 0.044715 * x * x * x));
            value = x / 2 * (1 + th);
            slope = (1 + th) / 2 + x / 2 * (1 - th * th) * a * (1 + 3 * 0.044715 * x * x);
        }
        y[i] = value * to_double(u[i]);
        dg[i] = to_double(dy[i]) * to_double(u[i]) * slope;
        du[i] = to_double(dy[i]) * value;
    }
    char label[80];
    snprintf(label, sizeof label, "%s %dx%d +%d act %d", type_name<T>(), s.rows, s.cols, s.gap, (int)act);
    const double rtol = ulp<T>() * 1.01 + 3e-6, atol = 3e-6;
    schedules(label, [&] {
        auto matrix = [&](const std::vector<T>& v) { return Matrix<T>(v, s.rows, s.cols, s.cols + s.gap, s.shift); };
        auto mg = matrix(g), mu = matrix(u), mdy = matrix(dy);
        Matrix<T> my(s.rows, s.cols, s.cols + s.gap, s.shift);
        check(kernels::glu<T>(my.rows(), mg.rows(), mu.rows(), act, 0));
        close("y", my.down(), y, rtol, atol);
        check(kernels::dglu<T>(mg.rows(), mu.rows(), mdy.rows(), mg.rows(), mu.rows(), act, 0));   // over its inputs
        close("dgate", mg.down(), dg, rtol, atol);
        close("dup", mu.down(), du, rtol, atol);
    });
}
template <class T> void all() {
    for (const Case& s : cases)
        for (auto act : {kernels::Gate::silu, kernels::Gate::gelu_tanh}) gate<T>(s, act);
}
}  // namespace

TEST(glu_f32) { all<float>(); }
TEST(glu_f16) { all<__half>(); }
TEST(glu_bf16) { all<__nv_bfloat16>(); }
