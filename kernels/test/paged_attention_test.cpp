#include "paged_attention.h"

#include "attention_reference.h"

using namespace t;

namespace {
// lengths, before, heads, kv_heads, dim, window, softcap, gap, shift
const AttentionCase cases[] = {
    {{1}, {63}, 1, 1, 64, 0, 0.f, 0, 0},              // one exact tile of keys
    {{1, 1, 1}, {0, 150, 20}, 4, 2, 40, 0, 2.f, 0, 0},  // sequences of all lengths; pieces without keys
    {{2, 0, 9}, {70, 3, 0}, 6, 2, 8, 0, 0.f, 3, 0},   // more stacked rows than a tile; no vectors
    {{3, 1}, {100, 140}, 2, 1, 72, 30, 0.f, 8, 0},    // keys left out below the window
};
const AttentionCase wide[] = {
    {{1}, {70}, 3, 1, 128, 0, 0.f, 0, 0},
    {{2}, {40}, 1, 1, 200, 9, 1.f, 0, 1},
};

template <class T> void decode(const AttentionCase& c) {
    const int n = c.queries(), wq = c.heads * c.dim, wk = c.kv_heads * c.dim;
    const PageCase<T> cache(c);
    const auto q = random<T>((size_t)n * wq, 2.f);
    const AttentionAnswer want = attention_answer(c, doubles(q), doubles(cache.k), doubles(cache.v), {});
    const double e = product_ulp<T>() * (sizeof(T) == 4 ? 3 : 1);
    for (int splits : {1, 3}) {
        Repeatable<T> bits;
        schedules(c.label(splits == 1 ? "one piece" : "three pieces"), [&] {
            Matrix<T> mq(q, n, wq, wq + c.gap, c.shift), mk(cache.k_rows, cache.rows, wk, wk + c.gap), mv(cache.v_rows, cache.rows, wk, wk + c.gap);
            Matrix<T> mo(n, wq, wq + c.gap, c.shift);
            Buf<int> cu(c.cu_seqlens()), pages(cache.table), lens(cache.lens);
            const auto shape = c.shape(cu.get());
            Buf<float> scratch(kernels::paged_attention_scratch(shape, n, splits) + 1);
            check(kernels::paged_attention<T>(mo.rows(), scratch.get(), mq.rows(), mk.rows(), mv.rows(), {pages.get(), lens.get(), cache.most, cache.size}, shape,
                                              splits, 0));
            const auto got = mo.down();
            close("o", got, want.o, e, e);
            bits.same("o", got);
        });
    }
}
}  // namespace

TEST(paged_attention_f16) {
    for (const AttentionCase& c : cases) decode<__half>(c);
    for (const AttentionCase& c : wide) decode<__half>(c);
}
TEST(paged_attention_bf16) { decode<__nv_bfloat16>(cases[1]); }
TEST(paged_attention_f32) { decode<float>(cases[3]); }
TEST(paged_attention_splits) {
    kernels::AttentionShape shape{};
    shape.kv_heads = 8;
    const int want[4][4] = {{1, 128, 132, 1}, {1, 4096, 132, 16}, {64, 100000, 132, 1}, {1, 100000, 132, 32}};   // sequences, keys, multiprocessors
    for (auto& w : want) {
        shape.sequences = w[0];
        const int got = kernels::paged_attention_splits(shape, w[1], w[2]);
        if (got != w[3]) fail("%d sequences of %d keys: %d pieces, want %d", w[0], w[1], got, w[3]);
    }
}
