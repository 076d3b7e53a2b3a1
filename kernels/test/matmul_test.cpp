#include "matmul.h"

#include "product.h"
#include "product_reference.h"

using namespace t;

namespace {
struct Case {
    int m, n, k, gap;
    ke::Store store;
};
const Case cases[] = {
    {64, 64, 32, 0, ke::Store::set},     // one narrow tile, one step
    {3, 5, 7, 0, ke::Store::add},        // less than a warp's tile, nothing aligned
    {70, 88, 104, 8, ke::Store::set},    // narrow by no means: ragged wide tiles with vectors, a part of a step
    {128, 128, 96, 0, ke::Store::add},   // one wide tile
    {130, 137, 41, 3, ke::Store::set},   // several wide tiles, ragged everywhere, element by element
    {65, 16, 200, 0, ke::Store::add},    // a narrow output of several blocks
};

template <class T> bool runs() { return kernels::tensor_cores_take<T>(); }

template <class T, class Out> void products(const Case& s) {
    const auto x = random<T>((size_t)s.m * s.k), w = random<T>((size_t)s.n * s.k), wt = random<T>((size_t)s.k * s.n);
    const auto before = random<Out>((size_t)s.m * s.n);
    const bool add = s.store == ke::Store::add;
    std::vector<double> y(before.size()), dx;
    if (add) y = widen(before);
    dx = y;
    const auto xd = widen(x), wd = widen(w), wtd = widen(wt);
    add_product(y, s.m, s.n, s.k, rows(xd, s.k), rows(wd, s.k));
    add_product(dx, s.m, s.n, s.k, rows(xd, s.k), columns(wtd, s.n));
    char label[80];
    snprintf(label, sizeof label, "%s->%s %dx%dx%d", type_name<T>(), type_name<Out>(), s.m, s.n, s.k);
    schedules(label, [&] {
        Matrix<T> mx(x, s.m, s.k, s.k + s.gap), mw(w, s.n, s.k, s.k + s.gap), mwt(wt, s.k, s.n, s.n + s.gap);
        Matrix<Out> my(before, s.m, s.n, s.n + s.gap), mdx(before, s.m, s.n, s.n + s.gap);
        if (!runs<T>()) {
            if (kernels::matmul<T, Out>(my.rows(), mx.rows(), mw.rows(), s.store, 0) != cudaErrorNotSupported) fail("bf16 was not refused");
            return;
        }
        check(kernels::matmul<T, Out>(my.rows(), mx.rows(), mw.rows(), s.store, 0));
        close("y", my.down(), y, ulp<Out>() * 1.01, 2e-6 * s.k);
        check(kernels::dmatmul<T, Out>(mdx.rows(), mx.rows(), mwt.rows(), s.store, 0));
        close("dx", mdx.down(), dx, ulp<Out>() * 1.01, 2e-6 * s.k);
    });
}
template <class T> void all() {
    for (const Case& s : cases) products<T, T>(s);
    products<T, float>(cases[2]);
    products<T, float>(cases[4]);
}

// Two pieces of one launch, each of two segments, one with its rows gathered and scattered; K in parts, summed with a bias.
template <class T> void engine() {
    if (!runs<T>()) return;
    const int M = 70, N[2] = {24, 72}, K[2] = {136, 16}, splits = 3, live = 67;
    const auto x = random<T>(M * K[0]), xa = random<T>(M * K[1]);
    const auto xd = widen(x), xad = widen(xa);
    std::vector<int32_t> order(M);
    for (int i = 0; i < M; i++) order[i] = (i * 13 + 5) % M;   // 13 and 70 have no common divisor
    std::vector<std::vector<T>> w, b;
    std::vector<std::vector<double>> want;
    const auto bias = random<float>(N[1]);
    for (int p = 0; p < 2; p++) {
        w.push_back(random<T>(N[p] * K[0]));
        b.push_back(random<T>(N[p] * K[1]));
        std::vector<double> plain(M * N[p]);
        const auto wd = widen(w[p]), bd = widen(b[p]);
        add_product(plain, M, N[p], K[0], rows(xd, K[0]), rows(wd, K[0]), 0.5);
        add_product(plain, M, N[p], K[1], rows(xad, K[1]), rows(bd, K[1]), 0.5);
        if (p == 1)
            for (int i = 0; i < M * N[p]; i++) plain[i] += bias[i % N[p]];
        want.push_back(plain);
    }
    // tn: g [N0, N1] = u^T v over M tokens, in parts
    const auto u = random<T>(M * N[0]), v = random<T>(M * N[1]);
    const auto ud = widen(u), vd = widen(v);
    const auto g0 = random<float>(N[0] * N[1]);
    auto g = widen(g0);
    add_product(g, N[0], N[1], M, columns(ud, N[0]), columns(vd, N[1]), 2);

    Repeatable<float> bits;
    schedules(type_name<T>(), [&] {
        Matrix<T> mx(x, M, K[0], K[0]), mxa(xa, M, K[1], K[1]), y0(M, N[0], N[0]), y1(M, N[1], N[1]);
        Matrix<T> w0(w[0], N[0], K[0], K[0]), w1(w[1], N[1], K[0], K[0]), b0(b[0], N[0], K[1], K[1]), b1(b[1], N[1], K[1], K[1]);
        Buf<float> mbias(bias), slabs((size_t)splits * M * (N[0] + N[1]));
        Matrix<T>*y[2] = {&y0, &y1}, *mw[2] = {&w0, &w1}, *mb[2] = {&b0, &b1};
        const ke::Rows<const T> cx = mx.rows(), cxa = mxa.rows();

        kernels::Product<T, float> parts;
        parts.splits = splits;
        kernels::SlabSum<T> sums[2];
        for (int p = 0, at = 0; p < 2; at += N[p++]) {
            kernels::Output<float> out = kernels::into(ke::Rows<float>{slabs.get() + at, M, N[p], N[0] + N[1]});
            out.slab = (int64_t)M * (N[0] + N[1]);
            add_piece(parts, M, N[p], out);
            add_segment(parts, kernels::by_rows(cx), kernels::by_rows(ke::Rows<const T>(mw[p]->rows())));
            add_segment(parts, kernels::by_rows(cxa), kernels::by_rows(ke::Rows<const T>(mb[p]->rows())));
            sums[p] = {y[p]->rows(), slabs.get() + at, N[0] + N[1], out.slab, p ? mbias.get() : nullptr, 0.5f, ke::Store::set};
        }
        check(kernels::product(parts, kernels::Layout::nt, 0));
        check(kernels::sum_slabs(sums, 2, splits, 0));
        for (int p = 0; p < 2; p++) close(p ? "second piece" : "first piece", y[p]->down(), want[p], ulp<T>() * 1.01, 1e-4);

        // rows in another order; those beyond the live ones stay as they were
        Buf<int32_t> rows_there(std::vector<int32_t>{live + 4}), rows_of(order);
        const auto before = random<T>(M * N[1]);
        y1.up(before);
        kernels::Product<T, T> moved;
        kernels::Output<T> out = kernels::into(y1.rows(), ke::Store::set, 0.5f, mbias.get());
        out.scatter = rows_of.get();
        add_piece(moved, M, N[1], out);
        kernels::Operand<T> a = kernels::by_rows(cx), aa = kernels::by_rows(cxa);
        a.gather = aa.gather = rows_of.get();
        add_segment(moved, a, kernels::by_rows(ke::Rows<const T>(w1.rows())));
        add_segment(moved, aa, kernels::by_rows(ke::Rows<const T>(b1.rows())));
        moved.live = rows_there.get();
        moved.live0 = 4;
        check(kernels::product(moved, kernels::Layout::nt, 0));
        auto expected = want[1];
        for (int i = live; i < M; i++)
            for (int c = 0; c < N[1]; c++) expected[order[i] * N[1] + c] = to_double(before[order[i] * N[1] + c]);
        close("gathered", y1.down(), expected, ulp<T>() * 1.01, 1e-4);

        Matrix<T> mu(u, M, N[0], N[0]), mv(v, M, N[1], N[1]);
        Buf<float> grad(g0), grad_slabs((size_t)splits * N[0] * N[1]);
        kernels::Product<T, float> gradient;
        gradient.splits = splits;
        kernels::Output<float> into_slabs = kernels::into(ke::Rows<float>{grad_slabs.get(), N[0], N[1], N[1]});
        into_slabs.slab = N[0] * N[1];
        add_piece(gradient, N[0], N[1], into_slabs);
        add_segment(gradient, kernels::by_columns(ke::Rows<const T>(mu.rows())), kernels::by_columns(ke::Rows<const T>(mv.rows())));
        check(kernels::product(gradient, kernels::Layout::tn, 0));
        const kernels::SlabSum<float> sum = {{grad.get(), N[0], N[1], N[1]}, grad_slabs.get(), N[1], N[0] * N[1], nullptr, 2.f, ke::Store::add};
        check(kernels::sum_slabs(&sum, 1, splits, 0));
        const auto got = grad.down();
        close("gradient", got, g, 1e-6, 1e-4);
        bits.same("gradient", got);
    });
}
}  // namespace

TEST(matmul_f32) { all<float>(); }
TEST(matmul_f16) { all<__half>(); }
TEST(matmul_bf16) { all<__nv_bfloat16>(); }
TEST(matmul_engine) {
    engine<float>();
    engine<__half>();
    engine<__nv_bfloat16>();
}
TEST(matmul_of_nothing) {
    check(kernels::matmul<__half, __half>({nullptr, 0, 8, 8}, {nullptr, 0, 8, 8}, {nullptr, 8, 8, 8}, ke::Store::set, 0));
    if (kernels::product_splits(1 << 16, 1 << 12, 4096) != 1) fail("a product that fills any device is not split");
}
