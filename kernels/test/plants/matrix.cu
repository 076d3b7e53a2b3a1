// Mistakes in a tensor-core product with asynchronous copies: C = A W^T, W in 8 bits, expanded in shared memory, two
// stages in flight. The shape of the real 4-bit product, at the smallest size that still has all its hazards.
#include "plants.h"

namespace {
constexpr int BM = 32, BN = 16, BK = 16, LD = BK + 8;   // two warps, 16 rows each
enum { Correct, WeakWait, NoTrailingBarrier, NoMiddleBarrier, RowsPastTile, SwappedRegisters, DivergentBarrier };

template <int Bug> __global__ void product(float* C, const __half* A, const signed char* W, int M, int K) {
    KE_SHARED_ALIGN(16, __half, a, [2][BM][LD]);
    KE_SHARED_ALIGN(16, signed char, q, [2][BN][BK]);
    KE_SHARED_ALIGN(16, __half, w, [BN][LD]);
    const int tid = threadIdx.x, lane = tid & 31, warp = tid >> 5, m0 = blockIdx.x * BM, steps = K / BK;
    auto load = [&](int step, int stage) {
        const int r = lane, c = warp * 8;   // each warp brings half of every row
        const bool in = m0 + r < M;
        ke::cp_async_zero_fill<16>(&a[stage][r][c], A + (size_t)(in ? m0 + r : 0) * K + step * BK + c, in ? 16 : 0);
        if (tid < BN) ke::cp_async<16>(q[stage][tid], W + tid * K + step * BK);
    };
    float acc[2][4] = {};
    load(0, 0);
    ke::cp_async_commit();
    for (int step = 0; step < steps; step++) {
        const int stage = step & 1;
        if (step + 1 < steps) load(step + 1, stage ^ 1);
        ke::cp_async_commit();
        if constexpr (Bug == WeakWait) ke::cp_async_wait<2>();   // the group we need may still be in flight
        else ke::cp_async_wait<1>();
        __syncthreads();
        for (int i = tid; i < BN * BK; i += 64) w[i / BK][i % BK] = __float2half((float)q[stage][i / BK][i % BK]);
        if constexpr (Bug == DivergentBarrier) {
            if (m0 + warp * 16 < M) __syncthreads();
        } else if constexpr (Bug != NoMiddleBarrier) {
            __syncthreads();
        }
        uint32_t af[4], bf[4];
        ke::ldmatrix_x4(af, &a[stage][warp * 16 + (lane & 15)][(lane >> 4) * 8]);
        ke::ldmatrix_x4(bf, &w[(lane & 7) + (lane >> 4) * (Bug == RowsPastTile ? 16 : 8)][(lane >> 3 & 1) * 8]);
        if constexpr (Bug == SwappedRegisters) {
            const uint32_t swap = af[1];
            af[1] = af[2];
            af[2] = swap;
        }
        const uint32_t b0[2] = {bf[0], bf[1]}, b1[2] = {bf[2], bf[3]};
        ke::mma_m16n8k16<__half>(acc[0], af, b0, acc[0]);
        ke::mma_m16n8k16<__half>(acc[1], af, b1, acc[1]);
        if constexpr (Bug != NoTrailingBarrier) __syncthreads();   // the next step refills this stage
    }
    for (int j = 0; j < 2; j++)
        for (int e = 0; e < 4; e++) {
            const int m = m0 + warp * 16 + (lane >> 2) + (e >> 1) * 8, n = j * 8 + (lane & 3) * 2 + (e & 1);
            if (m < M) C[(size_t)m * BN + n] = acc[j][e];
        }
}

template <int Bug> void run_product(bool planted) {
    const int M = 41, K = 80;   // the last block's second warp has no rows
    const auto A = t::random<__half>((size_t)M * K);
    std::vector<signed char> W((size_t)BN * K);
    for (signed char& v : W) v = (signed char)(t::draw() % 15 - 7);
    std::vector<double> want((size_t)M * BN);
    for (int m = 0; m < M; m++)
        for (int n = 0; n < BN; n++)
            for (int k = 0; k < K; k++) want[m * BN + n] += t::to_double(A[m * K + k]) * W[n * K + k];
    t::schedules("product", [&] {
        t::Buf<__half> a(A);
        t::Buf<signed char> w(W);
        t::Buf<float> c(want.size());
        t::check(ke::launch(planted ? product<Bug> : product<Correct>, dim3(2), dim3(64), 0, 0, c.get(), (const __half*)a.get(), (const signed char*)w.get(), M, K));
        t::close("product", c.down(), want, 1e-4, 1e-4);
    });
}

[[maybe_unused]] const bool grown = plants::grow({
    {"weak-wait", "cp.async read before its group was waited for", run_product<WeakWait>, "value", "value", nullptr, "msan"},
    {"no-trailing-barrier", "a stage refilled while others still read it", run_product<NoTrailingBarrier>, "value", "value", "race", nullptr},
    {"no-middle-barrier", "tensor cores read what other threads still expand", run_product<NoMiddleBarrier>, "value", "value", "race", "msan"},
    {"rows-past-tile", "ldmatrix rows beyond the shared tile", run_product<RowsPastTile>, "error", "error|ubsan|asan", "error", "error"},
    {"swapped-registers", "mma fragment registers in the wrong order", run_product<SwappedRegisters>, "value", "value", "value", "value"},
    {"divergent-warp", "a warp without rows skips a barrier", run_product<DivergentBarrier>, "error", "error", "error|race", "error|msan"},
});
}  // namespace
