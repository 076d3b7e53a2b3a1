#include "dattention.h"

#include "attention_reference.h"

using namespace t;

namespace {
// lengths, before, heads, kv_heads, dim, window, softcap, gap, shift
const AttentionCase cases[] = {
    {{64}, {}, 1, 1, 64, 0, 0.f, 0, 0},               // one exact tile
    {{3, 1, 70}, {}, 2, 1, 16, 0, 0.f, 8, 0},         // packed, ragged, two blocks of keys, a gap
    {{5}, {}, 3, 3, 8, 2, 2.f, 3, 0},                 // rows that no vector may be read from
    {{67, 0, 9}, {}, 4, 2, 72, 20, 3.f, 0, 0},        // window, cap, an empty sequence
};
const AttentionCase wide[] = {
    {{17}, {}, 2, 1, 128, 0, 0.f, 0, 0},
    {{35}, {}, 1, 1, 168, 0, 1.f, 0, 0},              // dk and dv one after the other
    {{18}, {}, 2, 1, 256, 5, 0.f, 0, 0},
};

template <class T> void backward(const AttentionCase& c) {
    const int n = c.queries(), wq = c.heads * c.dim, wk = c.kv_heads * c.dim;
    const auto q = random<T>((size_t)n * wq, 2.f), k = random<T>((size_t)n * wk, 2.f), v = random<T>((size_t)n * wk), dout = random<T>((size_t)n * wq);
    const AttentionAnswer want = attention_answer(c, doubles(q), doubles(k), doubles(v), doubles(dout));
    std::vector<T> o;
    std::vector<float> lse;
    for (double x : want.o) o.push_back(ke::from_float<T>((float)x));
    for (double x : want.lse) lse.push_back((float)x);
    Repeatable<T> dq_bits, dk_bits, dv_bits;
    schedules(c.label(type_name<T>()), [&] {
        auto wide = [&](const std::vector<T>& x, int cols) { return Matrix<T>(x, n, cols, cols + c.gap, c.shift); };
        auto mq = wide(q, wq), mk = wide(k, wk), mv = wide(v, wk), mdout = wide(dout, wq), mo = wide(o, wq);
        Matrix<T> dq(n, wq, wq + c.gap, c.shift), dk(n, wk, wk + c.gap, c.shift), dv(n, wk, wk + c.gap, c.shift);
        Matrix<float> ml(lse, n, c.heads, c.heads + c.gap), delta(n, c.heads, c.heads);
        Buf<int> cu(c.cu_seqlens());
        check(kernels::dattention<T>(dq.rows(), dk.rows(), dv.rows(), delta.rows(), mdout.rows(), mo.rows(), ml.rows(), mq.rows(), mk.rows(), mv.rows(),
                                     c.shape(cu.get()), 0));
        const double e = product_ulp<T>() * (sizeof(T) == 4 ? 4 : 1.5);
        const auto gq = dq.down(), gk = dk.down(), gv = dv.down();
        close("dq", gq, want.dq, e, 2 * e);
        close("dk", gk, want.dk, e, 2 * e);
        close("dv", gv, want.dv, e, 2 * e);
        dq_bits.same("dq", gq);
        dk_bits.same("dk", gk);
        dv_bits.same("dv", gv);
    });
}
}  // namespace

TEST(dattention_f16) {
    for (const AttentionCase& c : cases) backward<__half>(c);
    for (const AttentionCase& c : wide) backward<__half>(c);
}
TEST(dattention_bf16) {
    for (const AttentionCase& c : cases) backward<__nv_bfloat16>(c);
}
TEST(dattention_f32) { backward<float>(cases[1]); }
