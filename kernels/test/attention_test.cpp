#include "attention.h"

#include <algorithm>

#include "attention_reference.h"

using namespace t;

namespace {
// lengths, before, heads, kv_heads, dim, window, softcap, gap, shift
const AttentionCase packed[] = {
    {{64}, {}, 1, 1, 64, 0, 0.f, 0, 0},               // one exact tile
    {{3, 1, 70}, {}, 2, 1, 16, 0, 0.f, 8, 0},         // packed, ragged, two tiles of keys, a gap
    {{5}, {}, 3, 3, 8, 2, 2.f, 3, 0},                 // rows that no vector may be read from
    {{67, 0, 9}, {}, 4, 2, 72, 20, 3.f, 0, 0},        // window, cap, an empty sequence
    {{130}, {}, 1, 1, 32, 40, 0.f, 0, 1},             // tiles of keys left out below the window; misaligned
};
const AttentionCase wide[] = {
    {{17}, {}, 2, 1, 128, 0, 0.f, 0, 0},
    {{35}, {}, 1, 1, 168, 0, 1.f, 0, 0},              // two tiles of 32 keys
    {{34}, {}, 1, 1, 256, 5, 0.f, 0, 0},
};
const AttentionCase pages[] = {
    {{7, 2, 66}, {10, 65, 0}, 2, 1, 40, 0, 0.f, 0, 0},
    {{3, 20}, {30, 3}, 2, 2, 136, 9, 2.f, 8, 0},
};

template <class T> void forward(const AttentionCase& c) {
    const int n = c.queries(), wq = c.heads * c.dim, wk = c.kv_heads * c.dim;
    const auto q = random<T>((size_t)n * wq, 2.f), k = random<T>((size_t)n * wk, 2.f), v = random<T>((size_t)n * wk);
    const AttentionAnswer want = attention_answer(c, doubles(q), doubles(k), doubles(v), {});
    Repeatable<T> bits;
    schedules(c.label(type_name<T>()), [&] {
        Matrix<T> mq(q, n, wq, wq + c.gap, c.shift), mk(k, n, wk, wk + c.gap, c.shift), mv(v, n, wk, wk + c.gap, c.shift), mo(n, wq, wq + c.gap, c.shift);
        Matrix<float> lse(n, c.heads, c.heads + c.gap);
        Buf<int> cu(c.cu_seqlens());
        check(kernels::attention<T>(mo.rows(), lse.rows(), mq.rows(), mk.rows(), mv.rows(), c.shape(cu.get()), 0));
        const double e = product_ulp<T>();
        const bool rounded = sizeof(T) == 4;   // inputs are rounded before they are multiplied
        close("lse", lse.down(), want.lse, 1e-5, rounded ? 8 * e : 2e-5);
        const auto got = mo.down();
        close("o", got, want.o, rounded ? 3 * e : e, rounded ? 3 * e : e);
        bits.same("o", got);
        check(kernels::attention<T>(mo.rows(), {nullptr, 0, 0, 0}, mq.rows(), mk.rows(), mv.rows(), c.shape(cu.get()), 0));
        bits.same("o without lse", mo.down());
    });
}

template <class T> void prefill(const AttentionCase& c) {
    const int n = c.queries(), wq = c.heads * c.dim, wk = c.kv_heads * c.dim;
    const PageCase<T> cache(c);
    const auto q = random<T>((size_t)n * wq, 2.f);
    const AttentionAnswer want = attention_answer(c, doubles(q), doubles(cache.k), doubles(cache.v), {});
    schedules(c.label("prefill"), [&] {
        Matrix<T> mq(q, n, wq, wq + c.gap, c.shift), mk(cache.k_rows, cache.rows, wk, wk + c.gap), mv(cache.v_rows, cache.rows, wk, wk + c.gap), mo(n, wq, wq + c.gap, c.shift);
        Buf<int> cu(c.cu_seqlens()), pages(cache.table), lens(cache.lens);
        check(kernels::attention_prefill<T>(mo.rows(), mq.rows(), mk.rows(), mv.rows(), {pages.get(), lens.get(), cache.most, cache.size}, c.shape(cu.get()), 0));
        close("o", mo.down(), want.o, product_ulp<T>(), product_ulp<T>());
    });
}
}  // namespace

TEST(attention_f16) {
    for (const AttentionCase& c : packed) forward<__half>(c);
    for (const AttentionCase& c : wide) forward<__half>(c);
}
TEST(attention_bf16) {
    for (const AttentionCase& c : packed) forward<__nv_bfloat16>(c);
}
TEST(attention_f32) {
    forward<float>(packed[1]);
}
TEST(attention_prefill) {
    for (const AttentionCase& c : pages) prefill<__half>(c);
}
