#include "embedding.h"

#include <climits>

#include "nf4_reference.h"
#include "test.h"

using namespace t;

namespace {
struct Case {
    int vocab, hidden, tokens, gap, shift;
};
const Case cases[] = {{6, 128, 4, 0, 0}, {5, 7, 3, 1, 0}, {9, 1090, 2, 6, 0}, {4, 72, 5, 0, 1}};
constexpr float kScale = 1.75f;

std::vector<int> tokens(const Case& s) {
    std::vector<int> ids(s.tokens);
    for (int& i : ids) i = (int)(draw() % s.vocab);
    return ids;
}
// run(y, ids) against scale * values[id]
template <class T, class F> void compare(const char* what, const Case& s, const std::vector<double>& values, F run) {
    const auto ids = tokens(s);
    std::vector<double> want;
    for (int id : ids)
        for (int c = 0; c < s.hidden; c++) want.push_back(kScale * values[(size_t)id * s.hidden + c]);
    char label[80];
    snprintf(label, sizeof label, "%s from %s %dx%d", type_name<T>(), what, s.vocab, s.hidden);
    schedules(label, [&] {
        Matrix<T> y(s.tokens, s.hidden, s.hidden + s.gap, s.shift);
        Buf<int> bi(ids), bad(std::vector<int>{INT_MAX});
        check(run(y.rows(), kernels::RowNumbers{bi.get(), s.tokens, 1, bad.get()}));
        close("y", y.down(), want, ulp<T>() * 1.01 + 1.2e-7, 1e-7);
        equal("bad", bad.down(), {INT_MAX});
    });
}
template <class T, class W> void dense(const Case& s) {
    const auto w = random<W>((size_t)s.vocab * s.hidden);
    std::vector<double> values;
    for (const W& x : w) values.push_back(to_double(x));
    Matrix<W> mw(w, s.vocab, s.hidden, s.hidden + s.gap, s.shift);
    compare<T>(type_name<W>(), s, values, [&](auto y, auto ids) { return kernels::embedding<T, W>(y, ids, mw.rows(), kScale, 0); });
}
template <class T> void packed(const Case& s) {
    for (bool single : {false, true}) {
        Nf4Matrix w(s.vocab, s.hidden, single);
        compare<T>("nf4", s, w.values, [&](auto y, auto ids) { return kernels::embedding_nf4<T>(y, ids, w.matrix(), kScale, 0); });
    }
}
template <class T> void all() {
    for (const Case& s : cases) {
        dense<T, float>(s);
        dense<T, __half>(s);
        dense<T, __nv_bfloat16>(s);
        packed<T>(s);
    }
}
}  // namespace

TEST(embedding_f32) { all<float>(); }
TEST(embedding_f16) { all<__half>(); }
TEST(embedding_bf16) { all<__nv_bfloat16>(); }
TEST(embedding_of_a_token_beyond_the_vocabulary) {
    Matrix<float> y(std::vector<float>(6, 5.f), 2, 3, 3), w(std::vector<float>(12, 1.f), 4, 3, 3);
    Buf<int> ids(std::vector<int>{3, 4}), bad(std::vector<int>{INT_MAX});
    check(kernels::embedding<float, float>(y.rows(), {ids.get(), 2, 1, bad.get()}, w.rows(), 1.f, 0));
    equal("y", y.down(), {1.f, 1.f, 1.f, 5.f, 5.f, 5.f});
    equal("bad", bad.down(), {1});
}
