#include "rmsnorm.h"

#include "test.h"

using namespace t;

namespace {
struct Case {
    int rows, cols, gap, shift;   // gap: elements between the rows; shift: elements before the first
    float offset;
    ke::Store store;
};
const Case cases[] = {
    {8, 256, 0, 0, 0.f, ke::Store::set},      // one exact tile of warps
    {3, 5, 0, 0, 1.f, ke::Store::add},        // less than a warp
    {11, 67, 5, 0, 0.f, ke::Store::set},      // ragged everywhere
    {9, 136, 8, 0, 1.f, ke::Store::add},      // vectors with a gap, a part of a warp's last round
    {2, 2048, 0, 0, 1.f, ke::Store::set},     // a block per row, exact
    {3, 1100, 4, 0, 0.f, ke::Store::add},     // a block per row, a partial vector at the end
    {2, 1027, 0, 1, 0.f, ke::Store::set},     // odd and misaligned
};

template <class T> void norm(const Case& s) {
    const int T_ = s.rows, C = s.cols, stride = C + s.gap;
    const float eps = 1e-5f;
    const auto x = random<T>((size_t)T_ * C, 2.f), dy = random<T>(x.size()), before = random<T>(x.size());
    const auto g = random<float>(C, 0.5f, 1.f - s.offset), dg0 = random<float>(C);
    std::vector<double> y(x.size()), rstd(T_), dx(x.size()), dg(C);
    for (int c = 0; c < C; c++) dg[c] = dg0[c];
    for (int t = 0; t < T_; t++) {
        auto at = [&](const std::vector<T>& m, int c) { return to_double(m[(size_t)t * C + c]); };
        auto gain = [&](int c) { return to_double(g[c]) + s.offset; };
        double square = 0, ux = 0;
        for (int c = 0; c < C; c++) square += at(x, c) * at(x, c);
        const double r = rstd[t] = 1 / std::sqrt(square / C + eps);
        for (int c = 0; c < C; c++) ux += at(dy, c) * gain(c) * at(x, c);
        for (int c = 0; c < C; c++) {
            const size_t i = (size_t)t * C + c;
            y[i] = at(x, c) * r * gain(c);
            dx[i] = r * (at(dy, c) * gain(c) - at(x, c) * r * r * ux / C) + (s.store == ke::Store::add ? at(before, c) : 0);
            dg[c] += at(dy, c) * at(x, c) * r;
        }
    }
    char label[80];
    snprintf(label, sizeof label, "%s %dx%d +%d", type_name<T>(), T_, C, s.gap);
    Repeatable<float> gain_bits;
    schedules(label, [&] {
        Matrix<T> mx(x, T_, C, stride, s.shift), mdy(dy, T_, C, stride, s.shift), my(T_, C, stride, s.shift), mdx(before, T_, C, stride, s.shift);
        Buf<float> bg(g), br(T_), bdg(dg0);
        check(kernels::rmsnorm<T>(my.rows(), br.get(), mx.rows(), bg.get(), s.offset, eps, 0));
        close("y", my.down(), y, ulp<T>() * 1.01 + 1e-6, 1e-6);
        close("rstd", br.down(), rstd, 1e-6, 0);
        check(kernels::drmsnorm<T>(mdx.rows(), mdy.rows(), mx.rows(), br.get(), bg.get(), s.offset, s.store, 0));
        close("dx", mdx.down(), dx, ulp<T>() * 1.01 + 1e-6, 2e-6);
        check(kernels::drmsnorm_gain<T>(bdg.get(), mdy.rows(), mx.rows(), br.get(), 0));
        const auto got = bdg.down();
        close("dg", got, dg, 1e-5, 1e-5);
        gain_bits.same("dg", got);
        // in place: y over x, dx over dy; no rstd wanted
        check(kernels::rmsnorm<T>(mx.rows(), nullptr, mx.rows(), bg.get(), s.offset, eps, 0));
        close("y in place", mx.down(), y, ulp<T>() * 1.01 + 1e-6, 1e-6);
        if (s.store == ke::Store::set) {
            mx.up(x);
            check(kernels::drmsnorm<T>(mdy.rows(), mdy.rows(), mx.rows(), br.get(), bg.get(), s.offset, s.store, 0));
            close("dx in place", mdy.down(), dx, ulp<T>() * 1.01 + 1e-6, 2e-6);
        }
    });
}
}  // namespace

TEST(rmsnorm_f32) {
    for (const Case& s : cases) norm<float>(s);
}
TEST(rmsnorm_f16) {
    for (const Case& s : cases) norm<__half>(s);
}
TEST(rmsnorm_bf16) {
    for (const Case& s : cases) norm<__nv_bfloat16>(s);
}
TEST(rmsnorm_of_nothing) {
    check(kernels::rmsnorm<float>({nullptr, 0, 64, 64}, nullptr, {nullptr, 0, 64, 64}, nullptr, 0.f, 1e-5f, 0));
}
