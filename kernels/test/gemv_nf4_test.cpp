#include "gemv_nf4.h"

#include "nf4_reference.h"
#include "product.h"
#include "product_reference.h"

using namespace t;

namespace {
struct Case {
    int tokens, out, in, gap, rank;
    ke::Store store;
    bool single, bias;
};
const Case cases[] = {
    {8, 16, 512, 0, 0, ke::Store::set, true, false},    // one tile; one step a warp
    {1, 5, 64, 0, 0, ke::Store::add, false, true},      // most warps without work, rows that are not there
    {3, 67, 1088, 8, 5, ke::Store::set, false, true},   // 17 blocks a row: uneven parts
    {5, 40, 192, 3, 16, ke::Store::add, false, false},  // x not aligned
};

template <class T, class Out> void gemv(const Case& s) {
    const Nf4Matrix w(s.out, s.in, s.single);
    const int T_ = s.tokens, r = std::max(s.rank, 1);
    const float scale = 1.5f;
    const auto x = random<T>(T_ * s.in), xa = random<T>(T_ * r);
    const auto b = random<float>(s.out * r), bias = random<float>(s.out);
    const auto y0 = random<Out>(T_ * s.out);
    const auto wd = w.rounded_value<T>(), xd = widen(x), xad = widen(xa), bd = widen(b);
    std::vector<double> y(y0.size());
    if (s.store == ke::Store::add) y = widen(y0);
    add_product(y, T_, s.out, s.in, rows(xd, s.in), rows(wd, s.in));
    if (s.rank) add_product(y, T_, s.out, r, rows(xad, r), rows(bd, r), scale);
    if (s.bias)
        for (size_t i = 0; i < y.size(); i++) y[i] += bias[i % s.out];
    char label[80];
    snprintf(label, sizeof label, "%s->%s %dx%dx%d", type_name<T>(), type_name<Out>(), T_, s.out, s.in);
    Repeatable<Out> bits;
    schedules(label, [&] {
        Matrix<T> mx(x, T_, s.in, s.in + s.gap), mxa(xa, T_, r, r + s.gap);
        Matrix<Out> my(y0, T_, s.out, s.out + s.gap);
        Matrix<float> mb(b, s.out, r, r + s.gap);
        Buf<float> mbias(bias);
        const kernels::GemvLowRank<T> low = {mxa.rows(), mb.rows(), scale};
        const cudaError_t e = kernels::gemv_nf4<T, Out>(my.rows(), mx.rows(), w.matrix(), s.store, s.bias ? mbias.get() : nullptr, s.rank ? &low : nullptr, 0);
        if (!kernels::tensor_cores_take<T>()) {
            if (e != cudaErrorNotSupported) fail("bf16 was not refused");
            return;
        }
        check(e);
        const auto got = my.down();
        close("y", got, y, ulp<Out>() * 1.01, 1e-6 * s.in);
        bits.same("y", got);
    });
}

template <class T> void rank(int tokens, int r, int in, int gap) {
    const auto x = random<T>(tokens * in);
    const auto a = random<float>(r * in);
    const auto xd = widen(x), ad = widen(a);
    std::vector<double> xa(tokens * r);
    add_product(xa, tokens, r, in, rows(xd, in), rows(ad, in));
    schedules(type_name<T>(), [&] {
        Matrix<T> mx(x, tokens, in, in + gap), mxa(tokens, r, r + gap);
        Matrix<float> ma(a, r, in, in + gap);
        check(kernels::gemv_rank<T>(mxa.rows(), mx.rows(), ma.rows(), 0));
        close("xa", mxa.down(), xa, ulp<T>() * 1.01, 1e-6 * in);
    });
}
}  // namespace

TEST(gemv_nf4_f16) {
    for (const Case& s : cases) gemv<__half, __half>(s);
    gemv<__half, float>(cases[2]);
}
TEST(gemv_nf4_bf16) {
    for (const Case& s : cases) gemv<__nv_bfloat16, __nv_bfloat16>(s);
    gemv<__nv_bfloat16, float>(cases[3]);
}
TEST(gemv_nf4_tall) {   // as many rows as make the taller blocks worth while on this device
    const int n = kernels::multiprocessors();
    gemv<__half, __half>({2, 16 * 2 * 2 * n + 3, 192, 0, 0, ke::Store::set, false, false});
    gemv<__half, __half>({2, 16 * 4 * 2 * n + 3, 192, 0, 0, ke::Store::set, false, false});
}
TEST(gemv_rank) {
    rank<float>(1, 4, 64, 0);
    rank<__half>(8, 3, 300, 1);
    rank<__nv_bfloat16>(2, 16, 513, 0);
}
TEST(gemv_nf4_refuses) {
    const Nf4Matrix broken(2, 72, false), w(2, 64, false);
    Matrix<__half> x(9, 72, 72), y(9, 2, 2);
    if (kernels::gemv_nf4<__half, __half>({y.rows().data, 1, 2, 2}, {x.rows().data, 1, 72, 72}, broken.matrix(), ke::Store::set, nullptr, nullptr, 0) != cudaErrorInvalidValue)
        fail("blocks that run across rows were accepted");
    if (kernels::gemv_nf4<__half, __half>(y.rows(), {x.rows().data, 9, 64, 72}, w.matrix(), ke::Store::set, nullptr, nullptr, 0) != cudaErrorInvalidValue)
        fail("nine tokens were accepted");
}
