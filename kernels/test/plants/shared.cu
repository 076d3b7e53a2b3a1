// Mistakes with shared memory.
#include "plants.h"

namespace {
using t::random;

// ---------------------------------------------------------------- a sum over a block, as norms and losses do it
enum { Correct, NoBarrier, Unwritten, Reused };
template <int Bug> __device__ float block_sum(float v) {
    KE_SHARED(float, part, [Bug == Unwritten ? 32 : 4]);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    v = ke::warp_sum(v);
    if constexpr (Bug != Reused) __syncthreads();      // an earlier call may still be reading part
    if (lane == 0) part[warp] = v;
    if constexpr (Bug != NoBarrier) __syncthreads();
    if constexpr (Bug == Unwritten) v = part[lane];    // entries 4.. were never written
    else v = lane < 4 ? part[lane] : 0.f;
    return ke::warp_sum(v);
}
template <int Bug> __global__ void variance(float* out, const float* x, int n) {   // two passes
    const int i = threadIdx.x;
    const float v = i < n ? x[i] : 0.f, mean = block_sum<Bug>(v) / n, d = i < n ? v - mean : 0.f;
    const float result = block_sum<Bug>(d * d) / n;
    if (i == 0) out[0] = result;
}
template <int Bug> void run_variance(bool planted) {
    const int n = 120;
    const auto x = random<float>(n);
    double mean = 0, square = 0;
    for (float v : x) mean += v / n;
    for (float v : x) square += (v - mean) * (v - mean) / n;
    plants::compare<float, float>(x, {square}, 1e-5, [&](float* out, const float* in) {
        return ke::launch(planted ? variance<Bug> : variance<Correct>, dim3(1), dim3(128), 0, 0, out, in, n);
    });
}

// ---------------------------------------------------------------- a counter
template <bool Planted> __global__ void count(int* out, const float* x, int n) {
    KE_SHARED(int, counter, [1]);
    if (threadIdx.x == 0) counter[0] = 0;
    __syncthreads();
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && x[i] > 0.f) {
        if constexpr (Planted) counter[0] += 1;
        else atomicAdd(&counter[0], 1);
    }
    __syncthreads();
    if (threadIdx.x == 0) out[blockIdx.x] = counter[0];
}
void run_count(bool planted) {
    const int n = 500;
    const auto x = random<float>(n);
    std::vector<double> want(4);
    for (int i = 0; i < n; i++) want[i / 128] += x[i] > 0;
    plants::compare<float, int>(x, want, 0.1, [&](int* out, const float* in) {
        return ke::launch(planted ? count<true> : count<false>, dim3(4), dim3(128), 0, 0, out, in, n);
    });
}

// ---------------------------------------------------------------- an exchange inside each warp
enum { ExchangeCorrect, NoSyncwarp, PastTheEnd };
template <int Bug> __global__ void reverse(float* out, const float* x) {
    KE_SHARED(float, s, [4][32]);
    const int w = threadIdx.x / 32, l = threadIdx.x % 32, i = blockIdx.x * 128 + threadIdx.x;
    s[w][l] = x[i];
    if constexpr (Bug != NoSyncwarp) __syncwarp();
    out[i] = s[w][Bug == PastTheEnd ? 32 - l : 31 - l];
}
template <int Bug> void run_reverse(bool planted) {
    const int n = 256;
    const auto x = random<float>(n);
    std::vector<double> want(n);
    for (int i = 0; i < n; i++) want[i] = x[i / 32 * 32 + 31 - i % 32];
    plants::compare<float, float>(x, want, 0, [&](float* out, const float* in) {
        return ke::launch(planted ? reverse<Bug> : reverse<ExchangeCorrect>, dim3(n / 128), dim3(128), 0, 0, out, in);
    });
}

// ---------------------------------------------------------------- vector stores into a byte buffer
__device__ void reverse_vectors(unsigned char* s, uint32_t* out, const uint32_t* x) {
    const int i = threadIdx.x;
    ((uint4*)s)[i] = make_uint4(x[i], 0, 0, 0);
    __syncthreads();
    out[i] = ((uint4*)s)[127 - i].x;
}
template <bool Planted> __global__ void byte_buffer(uint32_t* out, const uint32_t* x) {
    if constexpr (Planted) {
        KE_SHARED(unsigned char, s, [2048]);
        reverse_vectors(s, out, x);
    } else {
        KE_SHARED_ALIGN(16, unsigned char, s, [2048]);
        reverse_vectors(s, out, x);
    }
}
void run_byte_buffer(bool planted) {
    std::vector<uint32_t> x(128);
    std::vector<double> want(128);
    for (int i = 0; i < 128; i++) x[i] = (uint32_t)i * 7, want[127 - i] = i * 7;
    plants::compare<uint32_t, uint32_t>(x, want, 0, [&](uint32_t* out, const uint32_t* in) {
        return ke::launch(planted ? byte_buffer<true> : byte_buffer<false>, dim3(1), dim3(128), 0, 0, out, in);
    });
}

// ---------------------------------------------------------------- a maximum hides NaN: fmaxf(NaN, x) is x
template <bool Planted> __global__ void maximum(float* out, const float* x) {
    KE_SHARED(float, part, [32]);
    const float v = ke::warp_max(x[threadIdx.x]);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x < 32) {
        const float mine = Planted || threadIdx.x < 4 ? part[threadIdx.x] : -INFINITY;
        const float all = ke::warp_max(mine);
        if (threadIdx.x == 0) out[0] = all;
    }
}
void run_maximum(bool planted) {
    const auto x = random<float>(128);
    double want = -9;
    for (float v : x) want = fmax(want, v);
    plants::compare<float, float>(x, {want}, 0, [&](float* out, const float* in) {
        return ke::launch(planted ? maximum<true> : maximum<false>, dim3(1), dim3(128), 0, 0, out, in);
    });
}

[[maybe_unused]] const bool grown = plants::grow({
    {"missing-barrier", "no __syncthreads between writing and reading shared memory", run_variance<NoBarrier>, "value", "value", "race", "msan"},
    {"unwritten-shared", "reads shared memory that nobody wrote", run_variance<Unwritten>, "value", "value", nullptr, "msan"},
    {"reused-buffer", "a reduction buffer written again while others still read it", run_variance<Reused>, "value", "value", "race", nullptr},
    {"counter", "a shared counter updated without atomics", run_count, nullptr, nullptr, "race", nullptr},
    {"missing-syncwarp", "no __syncwarp in an exchange through shared memory", run_reverse<NoSyncwarp>, "value", "value", "race", "msan"},
    {"shared-index", "an index one past the end of a shared array", run_reverse<PastTheEnd>, "value", "asan|ubsan", nullptr, nullptr},
    {"unaligned-shared", "16-byte access to a byte array without alignment", run_byte_buffer, nullptr, "ubsan", nullptr, nullptr},
    {"unwritten-maximum", "unwritten shared entries that fmaxf hides", run_maximum, nullptr, nullptr, nullptr, "msan"},
});
}  // namespace
