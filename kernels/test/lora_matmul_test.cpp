#include "lora_matmul.h"

#include <memory>

#include "nf4_reference.h"
#include "product_reference.h"

using namespace t;

namespace {
struct Case {
    int tokens, in, n, out[3], rank[3];   // rank 0: no update
    bool nf4;
    int packed_tokens, gap;
    ke::Store store;
    bool want_dx;
};
const Case cases[] = {
    {64, 64, 1, {64}, {16}, false, 0, 0, ke::Store::set, true},                     // exact tiles
    {5, 40, 1, {7}, {3}, false, 0, 0, ke::Store::add, true},                        // smaller than a warp's tile, nothing aligned
    {70, 136, 3, {72, 24, 40}, {16, 5, 0}, false, 0, 8, ke::Store::set, true},      // q, k, v; one without an update
    {67, 64, 2, {136, 72}, {8, 20}, true, 0, 0, ke::Store::add, true},              // 4 bits, dequantized; wide tiles
    {12, 128, 2, {40, 24}, {4, 72}, true, 128, 0, ke::Store::add, true},            // 4 bits, packed; rank of two steps
    {20, 192, 1, {24}, {8}, true, 128, 0, ke::Store::set, true},                    // packed, dx straight into its place
    {3, 128, 2, {24, 40}, {8, 0}, true, 128, 0, ke::Store::set, false},             // decoding; no dx
    {9, 64, 2, {16, 24}, {0, 0}, false, 0, 0, ke::Store::set, true},                // no update at all
};

template <class T> double round_to(double v) { return to_double(ke::from_float<T>((float)v)); }
template <class T> std::vector<double> rounded(const std::vector<float>& v, float scale = 1) {
    std::vector<double> r;
    for (float x : v) r.push_back(round_to<T>(x * scale));
    return r;
}

template <class T> struct Projection {
    Projection(const Case& s, int i)
        : out(s.out[i]), r(s.rank[i]), rr(std::max(r, 1)), a(random<float>(rr * s.in)), b(random<float>(out * rr)), bias(random<float>(out)), da0(random<float>(rr * s.in)),
          db0(random<float>(out * rr)), w(random<T>(out * s.in, 0.2f)), dy(random<T>(s.tokens * out)), stride(s.in + s.gap), mw(w, out, s.in, stride),
          my(s.tokens, out, out + s.gap), mdy(dy, s.tokens, out, out + s.gap), mxa(s.tokens, rr, rr + s.gap), ma(a, rr, s.in, s.in), mb(b, out, rr, rr), mbias(bias) {
        if (s.nf4) packed = std::make_unique<Nf4Matrix>(out, s.in, i == 1);
    }
    // what the kernel multiplies with: dequantized to T, or rounded in registers
    std::vector<double> weights(const Case& s, bool backward) const {
        if (!s.nf4) return widen(w);
        if (std::is_same<T, float>::value || s.tokens > s.packed_tokens) {
            std::vector<double> v;
            for (double x : packed->values) v.push_back(round_to<T>(x));
            return v;
        }
        if constexpr (!std::is_same<T, float>::value) return s.tokens <= 8 && !backward ? packed->template rounded_value<T>() : packed->template rounded<T>();
        return {};
    }
    kernels::LoraProjection<T> launch(const Case& s, int i, bool backward, float* da, float* db) {
        kernels::LoraProjection<T> p{};
        if (s.nf4) p.nf4 = packed->matrix();
        else p.w = mw.rows();
        if (i != 1) p.bias = mbias.get();
        if (r) p.a = ma.rows(), p.b = mb.rows(), p.xa = mxa.rows(), p.da = {da, r, s.in, s.in}, p.db = {db, out, r, r};
        p.y = backward ? mdy.rows() : my.rows();
        p.scale = scale;
        return p;
    }
    int out, r, rr;
    float scale = 1.7f;
    std::vector<float> a, b, bias, da0, db0;
    std::vector<T> w, dy;
    int stride;
    Matrix<T> mw, my, mdy, mxa;
    Matrix<float> ma, mb;
    Buf<float> mbias;
    std::unique_ptr<Nf4Matrix> packed;
};

template <class T> void lora(const Case& s) {
    const int M = s.tokens, in = s.in;
    const auto x = random<T>(M * in), dx0 = random<T>(M * in);
    const auto xd = widen(x);
    std::vector<std::unique_ptr<Projection<T>>> ps;
    for (int i = 0; i < s.n; i++) ps.push_back(std::make_unique<Projection<T>>(s, i));
    char label[80];
    snprintf(label, sizeof label, "%s %d tokens, %d in, %d projections%s", type_name<T>(), M, in, s.n, s.nf4 ? ", nf4" : "");
    const kernels::LoraThreshold threshold = {s.packed_tokens};
    const bool fp32 = std::is_same<T, float>::value, vector = !fp32 && s.nf4 && M <= 8;
    const double ulp_ = ulp<T>() * 1.01;
    Repeatable<float> bits_a[3], bits_b[3];
    Repeatable<T> bits_x;
    schedules(label, [&] {
        Matrix<T> mx(x, M, in, in + s.gap), mdx(dx0, M, in, in + s.gap);
        std::vector<std::unique_ptr<Buf<float>>> da_, db_;
        kernels::LoraProjection<T> forward[3], backward[3];
        for (int i = 0; i < s.n; i++) {
            da_.push_back(std::make_unique<Buf<float>>(ps[i]->da0));
            db_.push_back(std::make_unique<Buf<float>>(ps[i]->db0));
            forward[i] = ps[i]->launch(s, i, false, da_[i]->get(), db_[i]->get());
            backward[i] = ps[i]->launch(s, i, true, da_[i]->get(), db_[i]->get());
        }
        const size_t bytes[2] = {kernels::lora_matmul_workspace(forward, s.n, M, in, threshold, false), kernels::lora_matmul_workspace(backward, s.n, M, in, threshold, true)};
        Buf<uint8_t> workspace(std::max<size_t>(1, std::max(bytes[0], bytes[1])));
        if (bytes[0] && kernels::lora_matmul<T>(forward, s.n, mx.rows(), threshold, workspace.get(), bytes[0] - 1, 0) != cudaErrorInvalidValue) fail("too small a workspace was accepted");
        const cudaError_t e = kernels::lora_matmul<T>(forward, s.n, mx.rows(), threshold, workspace.get(), bytes[0], 0);
        if (!kernels::tensor_cores_take<T>()) {
            if (e != cudaErrorNotSupported) fail("bf16 was not refused");
            return;
        }
        check(e);
        std::vector<double> dx(M * in);
        if (s.store == ke::Store::add) dx = widen(dx0);
        double slack = 0;   // of dx, from the rounding of t
        for (int i = 0; i < s.n; i++) {
            const Projection<T>& p = *ps[i];
            const auto ad = vector ? widen(p.a) : rounded<T>(p.a), w = p.weights(s, false);
            std::vector<double> y(M * p.out), bd = rounded<T>(p.b, p.scale);
            if (vector) {
                bd = widen(p.b);
                for (double& v : bd) v *= p.scale;
            }
            add_product(y, M, p.out, in, rows(xd, in), rows(w, in));
            if (i != 1)
                for (int j = 0; j < M * p.out; j++) y[j] += p.bias[j % p.out];
            if (p.r) {
                std::vector<double> xa(M * p.r);
                add_product(xa, M, p.r, in, rows(xd, in), rows(ad, in));
                close("xa", p.mxa.down(), xa, ulp_, 1e-6 * in);
                const auto got = widen(p.mxa.down());   // as rounded: y is made of these
                add_product(y, M, p.out, p.r, rows(got, p.r), rows(bd, p.r));
            }
            close("y", p.my.down(), y, ulp_, 2e-6 * in);
        }
        // backward
        check(kernels::dlora_matmul<T>(s.want_dx ? mdx.rows() : ke::Rows<T>{}, backward, s.n, mx.rows(), s.store, threshold, workspace.get(), bytes[1], 0));
        for (int i = 0; i < s.n; i++) {
            const Projection<T>& p = *ps[i];
            const auto dyd = widen(p.dy), ad = rounded<T>(p.a), bd = rounded<T>(p.b, p.scale), w = p.weights(s, true);
            add_product(dx, M, in, p.out, rows(dyd, p.out), columns(w, in));
            if (!p.r) continue;
            std::vector<double> t(M * p.r), da = widen(p.da0), db = widen(p.db0);
            add_product(t, M, p.r, p.out, rows(dyd, p.out), columns(bd, p.r));
            double most = 0;
            for (double& v : t) v = round_to<T>(v), most = std::max(most, std::fabs(v));
            const double flip = 2 * ulp<T>() * most + 1e-5;   // a t that rounds the other way
            slack += flip * 2;
            add_product(dx, M, in, p.r, rows(t, p.r), columns(ad, in));
            const auto xa = widen(p.mxa.down());
            add_product(da, p.r, in, M, columns(t, p.r), columns(xd, in));
            add_product(db, p.out, p.r, M, columns(dyd, p.out), columns(xa, p.r), p.scale);
            const auto a = da_[i]->down(), b = db_[i]->down();
            close("dA", a, da, 2e-6, 2 * flip + 2e-6 * M);
            close("dB", b, db, 2e-6, 1e-5 * M);
            bits_a[i].same("dA", a);
            bits_b[i].same("dB", b);
        }
        if (!s.want_dx) return;
        const auto got = mdx.down();
        close("dx", got, dx, ulp_, slack + 2e-5);
        bits_x.same("dx", got);
    });
}
template <class T> void all() {
    for (const Case& s : cases) lora<T>(s);
}
}  // namespace

TEST(lora_matmul_f32) { all<float>(); }
TEST(lora_matmul_f16) { all<__half>(); }
TEST(lora_matmul_bf16) { all<__nv_bfloat16>(); }
TEST(lora_merge) {
    const int n = 37, in = 70, r = 5;
    const auto w = random<float>(n * in), b = random<float>(n * r), a = random<float>(r * in);
    auto want = widen(w);
    const auto bd = widen(b), ad = widen(a);
    add_product(want, n, in, r, rows(bd, r), columns(ad, in), 0.25);
    schedules("merge", [&] {
        Matrix<float> y(w, n, in, in + 2), mb(b, n, r, r), ma(a, r, in, in);
        check(kernels::lora_merge(y.rows(), mb.rows(), ma.rows(), 0.25f, 0));
        close("merged", y.down(), want, 2e-7, 1e-6);
    });
}
