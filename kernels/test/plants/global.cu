// Mistakes with global memory and registers.
#include "plants.h"

namespace {
using bf16 = __nv_bfloat16;

// ---------------------------------------------------------------- rows doubled, in vectors of 8
enum { Correct, PastTheRow, Misaligned, NoTail, PastTheWrite };
template <int Bug, int N> __global__ void twice(bf16* y, const bf16* x, int cols) {
    const bf16* xr = x + (size_t)blockIdx.x * cols;
    bf16* yr = y + (size_t)blockIdx.x * cols;
    const int end = Bug == PastTheRow ? cols + 8 : Bug == NoTail ? cols - 8 : cols;
    for (int c = threadIdx.x * N; c < end; c += blockDim.x * N) {
        float v[N];
        ke::load_floats<N>(v, xr + c);
        for (int i = 0; i < N; i++) v[i] *= 2;
        if (Bug != PastTheRow || c < cols) ke::store_floats<N>(yr + c, v);
    }
    if (Bug == PastTheWrite && threadIdx.x == 0 && blockIdx.x == gridDim.x - 1) yr[cols] = ke::from_float<bf16>(1.f);
}
template <int Bug> void run_twice(bool planted) {
    const int rows = 3, cols = Bug == Misaligned ? 515 : 512;
    const auto x = t::random<bf16>((size_t)rows * cols);
    std::vector<double> want;
    for (bf16 v : x) want.push_back(2 * t::to_double(v));
    plants::compare<bf16, bf16>(x, want, 0, [&](bf16* out, const bf16* in) {
        auto correct = Bug == Misaligned ? twice<Correct, 1> : twice<Correct, 8>;   // odd rows: no vectors
        return ke::launch(planted ? twice<Bug, 8> : correct, dim3(rows), dim3(64), 0, 0, out, in, cols);
    });
}

// ---------------------------------------------------------------- column sums over blocks of rows
enum { SumCorrect, SameElement, NoStart };
template <int Bug> __global__ void column_sum(float* out, const float* x, int rows, int cols) {
    const int c = threadIdx.x, first = blockIdx.x * 16;
    if (c >= cols) return;
    float s;
    if constexpr (Bug != NoStart) s = 0.f;
    for (int r = first; r < min(first + 16, rows); r++) s += x[r * cols + c];
    if constexpr (Bug == SameElement) out[c] += s;
    else atomicAdd(&out[c], s);
}
template <int Bug> void run_column_sum(bool planted) {
    const int rows = 60, cols = 100;
    const auto x = t::random<float>((size_t)rows * cols);
    std::vector<double> want(cols);
    for (int i = 0; i < rows * cols; i++) want[i % cols] += x[i];
    t::schedules("column sum", [&] {
        t::Buf<float> in(x), out(std::vector<float>(cols, 0.f));
        t::check(ke::launch(planted ? column_sum<Bug> : column_sum<SumCorrect>, dim3(4), dim3(128), 0, 0, out.get(), (const float*)in.get(), rows, cols));
        t::close("column sum", out.down(), want, 1e-4, 1e-4);
    });
}

// ---------------------------------------------------------------- a sum that must be the same every time
template <bool Planted> __global__ void total(float* out, const float* x, int blocks) {
    if constexpr (Planted) {
        atomicAdd(out, x[blockIdx.x * blockDim.x + threadIdx.x]);   // in the order of arrival
    } else if (blockIdx.x == 0) {
        float s = 0.f;
        for (int b = 0; b < blocks; b++) s += ke::block_sum<64>(x[b * 64 + threadIdx.x]);
        if (threadIdx.x == 0) out[0] = s;
    }
}
void run_total(bool planted) {
    const int blocks = 8;
    const auto x = t::random<float>(blocks * 64, 1000.f);
    t::Repeatable<float> bits;
    t::schedules("total", [&] {
        t::Buf<float> in(x), out(std::vector<float>(1, 0.f));
        t::check(ke::launch(planted ? total<true> : total<false>, dim3(blocks), dim3(64), 0, 0, out.get(), (const float*)in.get(), blocks));
        bits.same("total", out.down());
    });
}

[[maybe_unused]] const bool grown = plants::grow({
    {"read-past-row", "a read one vector past the last row", run_twice<PastTheRow>, nullptr, "asan", nullptr, nullptr},
    {"misaligned-rows", "16-byte access to rows that are not 16-byte aligned", run_twice<Misaligned>, "error", "error", nullptr, nullptr},
    {"unwritten-tail", "the last columns are never written", run_twice<NoTail>, "value", "value", nullptr, "msan"},
    {"write-past-end", "a write just behind the output", run_twice<PastTheWrite>, "error", "asan", nullptr, nullptr},
    {"same-element", "several blocks update one element without atomics", run_column_sum<SameElement>, nullptr, nullptr, "race", nullptr},
    {"unset-register", "a sum that starts from an uninitialised register", run_column_sum<NoStart>, "value", nullptr, nullptr, "msan"},
    {"float-atomics", "a float sum in the order of arrival where the result must be repeatable", run_total, "value", "value", nullptr, "value"},
});
}  // namespace
