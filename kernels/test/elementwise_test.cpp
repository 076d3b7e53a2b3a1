#include "elementwise.h"

#include "test.h"

using namespace t;

namespace {
struct Case {
    int rows, cols, gap, shift;
};
const Case cases[] = {
    {1, 2048, 0, 0},    // one exact block of 16-bit vectors
    {3, 5, 0, 0},       // less than a vector per row, flat
    {5, 67, 5, 0},      // rows with gaps, ragged
    {4, 300, 4, 0},     // aligned for vectors of 4, not of 8
    {2, 2100, 12, 0},   // several blocks per row
    {3, 33, 3, 1},      // misaligned
};

template <class T> void maps(const Case& s) {
    const int R = s.rows, C = s.cols, stride = C + s.gap;
    const auto a = random<T>((size_t)R * C, 3.f), b = random<T>(a.size());
    std::vector<double> sum, scaled, capped, constant(a.size(), to_double(ke::from_float<T>(0.7f)));
    for (size_t i = 0; i < a.size(); i++) {
        sum.push_back(to_double(a[i]) + to_double(b[i]));
        scaled.push_back(to_double(a[i]) * -0.75);
        capped.push_back(2 * std::tanh(to_double(a[i]) / 2));
    }
    const double tolerance = ulp<T>() * 1.01;
    char label[80];
    snprintf(label, sizeof label, "%s %dx%d +%d", type_name<T>(), R, C, s.gap);
    schedules(label, [&] {
        Matrix<T> ma(a, R, C, stride, s.shift), mb(b, R, C, stride, s.shift), my(R, C, stride, s.shift);
        check(kernels::add<T>(my.rows(), ma.rows(), mb.rows(), 0));
        close("add", my.down(), sum, tolerance, 1e-9);
        check(kernels::add<T>(mb.rows(), ma.rows(), mb.rows(), 0));
        close("add in place", mb.down(), sum, tolerance, 1e-9);
        check(kernels::scale<T>(my.rows(), ma.rows(), -0.75f, 0));
        close("scale", my.down(), scaled, tolerance, 1e-7);
        check(kernels::softcap<T>(ma.rows(), 2.f, 0));
        close("softcap", ma.down(), capped, tolerance + 1e-6, 1e-7);
        check(kernels::fill<T>(my.rows(), 0.7f, 0));
        close("fill", my.down(), constant, 0, 0);
    });
}

template <class To, class From> void casts(const Case& s) {
    const int R = s.rows, C = s.cols, stride = C + s.gap;
    const auto x = random<From>((size_t)R * C, 100.f);
    std::vector<To> want;
    for (From v : x) want.push_back(ke::from_float<To>(ke::to_float(v)));
    char label[80];
    snprintf(label, sizeof label, "%s from %s %dx%d", type_name<To>(), type_name<From>(), R, C);
    schedules(label, [&] {
        Matrix<From> mx(x, R, C, stride, s.shift);
        Matrix<To> my(R, C, stride, s.shift);
        check(kernels::cast<To, From>(my.rows(), mx.rows(), 0));
        equal(label, my.down(), want);
    });
}
template <class To> void casts_to() {
    for (const Case& s : cases) {
        casts<To, float>(s);
        casts<To, __half>(s);
        casts<To, __nv_bfloat16>(s);
    }
}
}  // namespace

TEST(elementwise_f32) {
    for (const Case& s : cases) maps<float>(s);
}
TEST(elementwise_f16) {
    for (const Case& s : cases) maps<__half>(s);
}
TEST(elementwise_bf16) {
    for (const Case& s : cases) maps<__nv_bfloat16>(s);
}
TEST(cast_all_pairs) {
    casts_to<float>();
    casts_to<__half>();
    casts_to<__nv_bfloat16>();
}
