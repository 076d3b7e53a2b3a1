#include "matmul_nf4.h"

#include "nf4_reference.h"
#include "product_reference.h"

using namespace t;

namespace {
struct Case {
    int tokens, out, in, gap, rank, splits;
    ke::Store store;
    bool single, bias;
};
const Case cases[] = {
    {16, 128, 64, 0, 0, 1, ke::Store::set, true, false},    // one tile, one step
    {3, 5, 64, 0, 0, 1, ke::Store::add, false, true},       // less than a warp's tile
    {19, 133, 320, 8, 5, 1, ke::Store::set, false, true},   // ragged, more steps than stages, a rank that is not aligned
    {33, 72, 192, 0, 16, 2, ke::Store::add, false, false},  // 64 rows; K in two parts
    {9, 200, 384, 0, 72, 3, ke::Store::set, false, true},   // two steps of rank; K in three parts
    {130, 130, 128, 3, 8, 1, ke::Store::add, true, false},  // 128 rows, several blocks each way, x not aligned
};

template <class T, class Out> void products(const Case& s) {
    const Nf4Matrix w(s.out, s.in, s.single);
    const int T_ = s.tokens, r = s.rank;
    const auto x = random<T>(T_ * s.in), dy = random<T>(T_ * s.out), left = random<T>(T_ * r), b = random<T>(s.out * r), a = random<T>(s.in * r);
    const auto bias = random<float>(s.out);
    const auto y0 = random<Out>(T_ * s.out), dx0 = random<Out>(T_ * s.in);
    const auto wd = w.rounded<T>(), xd = widen(x), dyd = widen(dy), ld = widen(left), bd = widen(b), ad = widen(a);
    for (size_t i = 0; i < wd.size(); i++)
        if (std::fabs(wd[i] - w.values[i]) > 3.01 * ulp<T>() * std::fabs(w.values[i])) return fail("weight %zu: %g for %g", i, wd[i], w.values[i]);
    std::vector<double> y(y0.size()), dx(dx0.size());
    if (s.store == ke::Store::add) y = widen(y0), dx = widen(dx0);
    add_product(y, T_, s.out, s.in, rows(xd, s.in), rows(wd, s.in));
    add_product(dx, T_, s.in, s.out, rows(dyd, s.out), columns(wd, s.in));
    if (r) add_product(y, T_, s.out, r, rows(ld, r), rows(bd, r));
    if (r) add_product(dx, T_, s.in, r, rows(ld, r), columns(ad, s.in));
    if (s.bias)
        for (size_t i = 0; i < y.size(); i++) y[i] += bias[i % s.out];
    char label[80];
    snprintf(label, sizeof label, "%s->%s %dx%dx%d", type_name<T>(), type_name<Out>(), T_, s.out, s.in);
    Repeatable<Out> bits;
    schedules(label, [&] {
        Matrix<T> mx(x, T_, s.in, s.in + s.gap), mdy(dy, T_, s.out, s.out + s.gap), ml(left.empty() ? std::vector<T>(T_) : left, T_, std::max(r, 1), std::max(r, 1));
        Matrix<T> mb(b.empty() ? std::vector<T>(s.out) : b, s.out, std::max(r, 1), std::max(r, 1)), ma(a.empty() ? std::vector<T>(s.in) : a, std::max(r, 1), s.in, s.in);
        Matrix<Out> my(y0, T_, s.out, s.out + s.gap), mdx(dx0, T_, s.in, s.in + s.gap);
        Buf<float> mbias(bias), slabs((size_t)s.splits * T_ * std::max(s.out, s.in));
        const kernels::LowRank<T> forward = {ml.rows(), mb.rows()}, backward = {ml.rows(), ma.rows()};
        float* const room = s.splits > 1 ? slabs.get() : nullptr;
        if (!kernels::tensor_cores_take<T>()) {
            if (kernels::matmul_nf4<T, Out>(my.rows(), mx.rows(), w.matrix(), s.store, nullptr, nullptr, room, s.splits, 0) != cudaErrorNotSupported) fail("bf16 was not refused");
            return;
        }
        check(kernels::matmul_nf4<T, Out>(my.rows(), mx.rows(), w.matrix(), s.store, s.bias ? mbias.get() : nullptr, r ? &forward : nullptr, room, s.splits, 0));
        const auto got = my.down();
        close("y", got, y, ulp<Out>() * 1.01, 1e-6 * s.in);
        bits.same("y", got);
        check(kernels::dmatmul_nf4<T, Out>(mdx.rows(), mdy.rows(), w.matrix(), s.store, r ? &backward : nullptr, room, s.splits, 0));
        close("dx", mdx.down(), dx, ulp<Out>() * 1.01, 1e-6 * s.out + 1e-5);
    });
}
}  // namespace

TEST(matmul_nf4_f16) {
    for (const Case& s : cases) products<__half, __half>(s);
    products<__half, float>(cases[2]);
}
TEST(matmul_nf4_bf16) {
    for (const Case& s : cases) products<__nv_bfloat16, __nv_bfloat16>(s);
    products<__nv_bfloat16, float>(cases[4]);
}
TEST(matmul_nf4_refuses_broken_rows) {   // 72 columns: blocks run across rows
    const Nf4Matrix w(2, 72, false);
    Matrix<__half> x(1, 72, 72), y(1, 2, 2);
    if (kernels::matmul_nf4<__half, __half>(y.rows(), x.rows(), w.matrix(), ke::Store::set, nullptr, nullptr, nullptr, 1, 0) != cudaErrorInvalidValue) fail("accepted");
}
TEST(matmul_nf4_splits) {
    const int n = kernels::multiprocessors();
    if (kernels::matmul_nf4_splits(16, 128 * 2 * n, 4096) != 1) fail("a product that fills the device is not split");
    if (kernels::matmul_nf4_splits(16, 128, 256) != 1) fail("a short K is not split");
    if (n > 1 && kernels::matmul_nf4_splits(16, 128, 4096) < 2) fail("one tile of a long K is split");
}
