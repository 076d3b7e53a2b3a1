#include "head_loss.h"

#include "product.h"
#include "product_reference.h"

using namespace t;

namespace {
constexpr int kIgnore = -100;
struct Case {
    int tokens, hidden, vocab, chunk, gap;
    float cap, smoothing;
    int masked;   // every masked-th token is ignored; 0: none
    bool want_dx, want_best;
};
const Case cases[] = {
    {64, 64, 64, 64, 0, 0.f, 0.f, 0, true, true},         // exact tiles
    {3, 8, 5, 3, 0, 0.f, 0.1f, 2, true, false},           // a vocabulary smaller than a thread's share
    {21, 40, 2113, 8, 8, 3.f, 0.f, 3, true, true},        // several steps of softmax, several chunks, a soft-cap
    {150, 72, 137, 140, 0, 0.f, 0.2f, 4, true, false},    // wide tiles; a chunk of whole tiles and a rest, lists shorter than both
    {5, 16, 70, 2, 3, 2.f, 0.1f, 1, true, false},         // nothing counts
    {9, 24, 300, 9, 0, 0.f, 0.f, 2, false, true},         // no gradient; the best of ignored tokens too
};

template <class T> void loss(const Case& s) {
    const int M = s.tokens, H = s.hidden, V = s.vocab;
    const auto x = random<T>(M * H);
    auto w = random<T>(V * H, 0.6f);
    for (int c = 0; c < H && V > 4; c++) w[3 * H + c] = w[1 * H + c];   // rows 1 and 3 tie
    std::vector<int32_t> labels(M);
    for (int t = 0; t < M; t++) labels[t] = s.masked && t % s.masked == 0 ? kIgnore : (int)(draw() % V);
    if (s.masked != 1) labels[1] = V - 1;
    const kernels::HeadLossParams p = {0.25f, s.cap, s.smoothing, kIgnore};
    const auto xd = widen(x), wd = widen(w);
    std::vector<double> z(M * V), d(M * V), dx(M * H), nll(M);
    add_product(z, M, V, H, rows(xd, H), rows(wd, H));
    std::vector<int32_t> best(M);
    double largest = 0;
    for (int t = 0; t < M; t++) {
        double most = -INFINITY, sum = 0, total = 0;
        std::vector<double> l(V);
        for (int v = 0; v < V; v++) {
            l[v] = s.cap ? s.cap * std::tanh(z[t * V + v] / s.cap) : z[t * V + v];
            most = std::max(most, l[v]);
            total += l[v];
        }
        for (int v = V - 1; v >= 0; v--)
            if (l[v] == most) best[t] = v;
        if (labels[t] == kIgnore) continue;
        for (int v = 0; v < V; v++) sum += std::exp(l[v] - most);
        const double lse = most + std::log(sum);
        nll[t] = (1 - s.smoothing) * (lse - l[labels[t]]) + s.smoothing * (lse - total / V);
        for (int v = 0; v < V; v++) {
            const double slope = s.cap ? 1 - l[v] * l[v] / s.cap / s.cap : 1;
            d[t * V + v] = p.grad_scale * slope * (std::exp(l[v] - lse) - s.smoothing / V - (v == labels[t] ? 1 - s.smoothing : 0));
            largest = std::max(largest, std::fabs(d[t * V + v]));
        }
    }
    add_product(dx, M, H, V, rows(d, V), columns(wd, H));
    char label[80];
    snprintf(label, sizeof label, "%s %d tokens, %d wide, %d words", type_name<T>(), M, H, V);
    Repeatable<float> bits;
    schedules(label, [&] {
        Matrix<T> mx(x, M, H, H + s.gap), mw(w, V, H, H + s.gap), mdx(M, H, H + s.gap);
        Matrix<float> mnll(M, 1, 1 + s.gap);
        Matrix<int32_t> mbest(M, 1, 1), mlabels(labels, M, 1, 1 + s.gap);
        const size_t bytes = kernels::head_loss_workspace(M, V, s.chunk);
        Buf<uint8_t> workspace(bytes);
        const ke::Rows<T> out = s.want_dx ? mdx.rows() : ke::Rows<T>{};
        const ke::Rows<int32_t> argmax = s.want_best ? mbest.rows() : ke::Rows<int32_t>{};
        const cudaError_t e = kernels::head_loss<T>(mnll.rows(), out, argmax, mx.rows(), mw.rows(), mlabels.rows(), p, workspace.get(), bytes, 0);
        if (!kernels::tensor_cores_take<T>()) {
            if (e != cudaErrorNotSupported) fail("bf16 was not refused");
            return;
        }
        check(e);
        const auto got = mnll.down();
        close("nll", got, nll, 2e-6, 2e-5);
        bits.same("nll", got);
        if (s.want_best) equal("best", mbest.down(), best);
        // each dlogit is rounded once to T, then their products with W are summed
        if (s.want_dx) close("dx", mdx.down(), dx, ulp<T>() * 1.01, ulp<T>() * 4 * largest + 1e-6);
    });
}
template <class T> void all() {
    for (const Case& s : cases) loss<T>(s);
}
}  // namespace

TEST(head_loss_f32) { all<float>(); }
TEST(head_loss_f16) { all<__half>(); }
TEST(head_loss_bf16) { all<__nv_bfloat16>(); }
TEST(head_loss_label_out_of_range) {
    Matrix<float> x(random<float>(2 * 8), 2, 8, 8), w(random<float>(5 * 8), 5, 8, 8), dx(2, 8, 8), nll(2, 1, 1);
    Matrix<int32_t> labels(std::vector<int32_t>{5, 2}, 2, 1, 1);
    const size_t bytes = kernels::head_loss_workspace(2, 5, 2);
    Buf<uint8_t> workspace(bytes);
    check(kernels::head_loss<float>(nll.rows(), dx.rows(), {}, x.rows(), w.rows(), labels.rows(), {1.f, 0.f, 0.f, kIgnore}, workspace.get(), bytes, 0));
    const auto n = nll.down(), d = dx.down();
    if (!std::isnan(n[0]) || std::isnan(n[1])) fail("nll %g and %g, want NaN and a number", n[0], n[1]);
    for (int c = 0; c < 8; c++)
        if (d[c] != 0.f) fail("dx of a token without a valid label is %g", d[c]);
    if (kernels::head_loss<float>(nll.rows(), dx.rows(), {}, x.rows(), w.rows(), labels.rows(), {}, workspace.get(), 256, 0) != cudaErrorInvalidValue) fail("too small a workspace was accepted");
}
