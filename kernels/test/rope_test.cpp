#include "rope.h"

#include "test.h"

using namespace t;

namespace {
struct Case {
    int rows, heads, kv_heads, head_dim, pairs, gap, shift, direction;
};
const Case cases[] = {
    {2, 4, 2, 64, 32, 0, 0, 1},       // whole heads, vectors
    {3, 2, 1, 80, 16, 8, 0, -1},      // a part of each head, a gap
    {2, 3, 0, 10, 3, 1, 0, 1},        // odd; no k
    {1, 1, 1, 40, 20, 0, 1, -1},      // misaligned
    {1, 2, 1, 600, 300, 0, 0, 1},     // more pairs than fit a round
};

template <class T> void rotate(const Case& s) {
    const float mscale = 1.25f;
    const int columns[2] = {s.heads * s.head_dim, s.kv_heads * s.head_dim};
    std::vector<int> pos(s.rows * 2);   // every other one is used
    for (int& p : pos) p = (int)(draw() % 100000);
    std::vector<float> freq(s.pairs);
    for (int i = 0; i < s.pairs; i++) freq[i] = (float)std::pow(10000.0, -(double)i / s.pairs);
    std::vector<T> x[2];
    std::vector<double> want[2];
    for (int m = 0; m < 2; m++) {
        x[m] = random<T>((size_t)s.rows * columns[m]);
        for (const T& v : x[m]) want[m].push_back(to_double(v));
        for (int t = 0; t < s.rows; t++)
            for (int h = 0; h * s.head_dim < columns[m]; h++)
                for (int i = 0; i < s.pairs; i++) {
                    double &a = want[m][(size_t)t * columns[m] + h * s.head_dim + i], &b = (&a)[s.pairs];
                    const double angle = (double)((float)pos[2 * t] * freq[i]), c = std::cos(angle) * mscale, n = std::sin(angle) * mscale * s.direction;
                    const double u = a * c - b * n;
                    b = b * c + a * n;
                    a = u;
                }
    }
    char label[80];
    snprintf(label, sizeof label, "%s %d heads of %d, %d pairs", type_name<T>(), s.heads, s.head_dim, s.pairs);
    schedules(label, [&] {
        Matrix<T> q(x[0], s.rows, columns[0], columns[0] + s.gap, s.shift);
        Buf<int> bp(pos);
        Buf<float> bf(freq);
        if (s.kv_heads) {
            Matrix<T> k(x[1], s.rows, columns[1], columns[1] + s.gap, s.shift);
            check(kernels::rope<T>(q.rows(), k.rows(), bp.get(), 2, bf.get(), s.pairs, s.head_dim, mscale, s.direction, 0));
            close("k", k.down(), want[1], ulp<T>() * 1.01, 1e-6);
        } else {
            check(kernels::rope<T>(q.rows(), {nullptr, 0, 0, 0}, bp.get(), 2, bf.get(), s.pairs, s.head_dim, mscale, s.direction, 0));
        }
        close("q", q.down(), want[0], ulp<T>() * 1.01, 1e-6);
    });
}
}  // namespace

TEST(rope_f32) {
    for (const Case& s : cases) rotate<float>(s);
}
TEST(rope_f16) {
    for (const Case& s : cases) rotate<__half>(s);
}
TEST(rope_bf16) {
    for (const Case& s : cases) rotate<__nv_bfloat16>(s);
}
