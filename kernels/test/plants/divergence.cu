// Threads that do not meet, and a wrong mask.
#include "plants.h"

namespace {
// ---------------------------------------------------------------- barriers
enum { Correct, EarlyExit, DivergentBarrier, TwoBarriers };
template <int Bug> __global__ void shift(float* out, const float* x, int n) {
    KE_SHARED(float, s, [64]);
    const int i = blockIdx.x * 64 + threadIdx.x;
    if constexpr (Bug == EarlyExit)
        if (i >= n) return;
    s[threadIdx.x] = i < n ? x[i] : 0.f;
    if constexpr (Bug == DivergentBarrier) {
        if (i < n) __syncthreads();
    } else if constexpr (Bug == TwoBarriers) {
        if (i < n) __syncthreads();
        else __syncthreads();
    } else {
        __syncthreads();
    }
    if (i < n) out[i] = s[(threadIdx.x + 1) % 64];
}
template <int Bug> void run_shift(bool planted) {
    const int n = 100;
    const auto x = t::random<float>(n);
    std::vector<double> want(n);
    for (int i = 0; i < n; i++) {
        const int from = i / 64 * 64 + (i + 1) % 64;
        want[i] = from < n ? x[from] : 0;
    }
    plants::compare<float, float>(x, want, 0, [&](float* out, const float* in) {
        return ke::launch(planted ? shift<Bug> : shift<Correct>, dim3(2), dim3(64), 0, 0, out, in, n);
    });
}

// ---------------------------------------------------------------- causal row maximum, four lanes a row
enum { MaxCorrect, DivergentShuffle, MaskOffByOne };
template <int Bug> __global__ void causal_max(float* out, const float* x, int n) {
    const int row = blockIdx.x * 8 + threadIdx.x / 4, lane = threadIdx.x % 4;
    float m = -INFINITY;
    for (int c = lane; c < n; c += 4)
        if (row < n && (Bug == MaskOffByOne ? c < row : c <= row)) m = fmaxf(m, x[row * n + c]);
    if (Bug != DivergentShuffle || row < n) {
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
    }
    __syncthreads();
    if (row < n && lane == 0) out[row] = m;
}
template <int Bug> void run_causal_max(bool planted) {
    const int n = 21;
    const auto x = t::random<float>(n * n);
    std::vector<double> want(n, -9);
    for (int r = 0; r < n; r++)
        for (int c = 0; c <= r; c++) want[r] = fmax(want[r], x[r * n + c]);
    plants::compare<float, float>(x, want, 0, [&](float* out, const float* in) {
        return ke::launch(planted ? causal_max<Bug> : causal_max<MaxCorrect>, dim3(3), dim3(32), 0, 0, out, in, n);
    });
}

[[maybe_unused]] const bool grown = plants::grow({
    {"early-exit", "threads return before a barrier", run_shift<EarlyExit>, "error", "error", "error", "error"},
    {"divergent-barrier", "__syncthreads in a branch that not all threads take", run_shift<DivergentBarrier>, "error", "error", "error", "error"},
    {"two-barriers", "threads wait in two different __syncthreads", run_shift<TwoBarriers>, "error", "error", "error", "error"},
    {"divergent-shuffle", "a full-mask shuffle in a branch that not all lanes take", run_causal_max<DivergentShuffle>, "error|value", "error|value", nullptr, nullptr},
    {"mask-off-by-one", "a token may not see itself", run_causal_max<MaskOffByOne>, "value", "value", "value", "value"},
});
}  // namespace
