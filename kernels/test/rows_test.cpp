#include "rows.h"

#include <climits>

#include "test.h"

using namespace t;

namespace {
struct Case {
    int rows, cols, count, gap, shift;
};
const Case cases[] = {{8, 1024, 4, 0, 0}, {5, 3, 3, 2, 0}, {7, 133, 6, 16, 0}, {4, 200, 4, 0, 1}};

template <class T> std::vector<T> bits(size_t n) {
    std::vector<T> v(n);
    for (T& x : v) x = (T)draw();
    return v;
}

template <class T> void copy(const Case& s) {
    std::vector<int> idx(s.count);   // different ones, not in order; one points past the matrix
    for (int i = 0; i < s.count; i++) idx[i] = (i * 3 + 1) % s.rows;
    const int wrong = s.count - 2;
    idx[wrong] = s.rows;
    idx[wrong + 1] = -1;
    const auto big = bits<T>((size_t)s.rows * s.cols), small = bits<T>((size_t)s.count * s.cols);
    auto gathered = small, scattered = big;
    for (int t = 0; t < wrong; t++)
        for (int c = 0; c < s.cols; c++) {
            gathered[(size_t)t * s.cols + c] = big[(size_t)idx[t] * s.cols + c];
            scattered[(size_t)idx[t] * s.cols + c] = small[(size_t)t * s.cols + c];
        }
    char label[80];
    snprintf(label, sizeof label, "%zu bytes, %d of %dx%d", sizeof(T), s.count, s.rows, s.cols);
    schedules(label, [&] {
        Matrix<T> x(big, s.rows, s.cols, s.cols + s.gap, s.shift), y(small, s.count, s.cols, s.cols + s.gap, s.shift);
        Buf<int> bi(idx), bad(std::vector<int>{INT_MAX});
        check(kernels::gather_rows<T>(y.rows(), x.rows(), {bi.get(), s.count, 1, bad.get()}, 0));
        equal("gathered", y.down(), gathered);
        equal("bad", bad.down(), {wrong});
        y.up(small);
        check(kernels::scatter_rows<T>(x.rows(), y.rows(), {bi.get(), s.count, 1, nullptr}, 0));
        equal("scattered", x.down(), scattered);
    });
}
template <class T> void all() {
    for (const Case& s : cases) copy<T>(s);
}
}  // namespace

TEST(rows_of_bytes) { all<uint8_t>(); }
TEST(rows_of_halves) { all<uint16_t>(); }
TEST(rows_of_words) { all<uint32_t>(); }
