// One token from each row of logits: repeat penalty, temperature, top-k, top-p, min-p, then a draw.
// Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11. Repeat penalty: arXiv 1909.05858.
//
//   x = logits, divided (> 0) or multiplied by the penalty where in history; w = exp((x - max x) / temperature)
//   kept: the top k of x; of those the largest w whose sum reaches top_p of all; of those w >= min_p
//   id: the first, upward, whose running sum of w passes u times the total, u uniform in [0, 1) with 53 bits
//
// Neither top-k nor top-p sorts: the value of the last token kept is found digit by digit (11, 11 and 10 bits of a pattern whose
// order is that of the floats) in histograms. Tokens of equal value are kept or dropped together. Weights are summed as
// integers of 2^-44: exact in any order, so a draw depends neither on the schedule nor on the number of threads, and agrees
// with an fp64 sum to 2^-26 of the total.
// Geometry: a block of 1024 threads per row. Per call of n rows of V: reads logits once and writes and rereads the scratch, from
//   L2, about 12 times where everything is on: 50 n V bytes of which 4 n V from device memory; about 30 n V flops.
#include "sample.h"

#include "ke/ke.h"

namespace kernels {
namespace {
constexpr int kThreads = 1024, kWarps = kThreads / 32, kBins = 2048;
using Sum = unsigned long long;

__device__ __forceinline__ Sum fixed(float weight) { return (Sum)(weight * 17592186044416.f); }   // 2^44: 2^18 tokens fit 62 bits

// Bit pattern whose unsigned order is the order of the floats.
__device__ __forceinline__ uint32_t ordered(float x) {
    const uint32_t u = __float_as_uint(x);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

__device__ __forceinline__ Sum warp_prefix(Sum v) {   // of this lane and those below it
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int o = 1; o < 32; o *= 2) {
        const Sum below = __shfl_up_sync(0xffffffffu, v, o);
        if (lane >= o) v += below;
    }
    return v;
}
struct Prefix {
    Sum before, total;   // of the threads below; of the block
};
__device__ Prefix block_prefix(Sum v) {
    KE_SHARED(Sum, warps, [kWarps]);
    const int lane = threadIdx.x & 31, warp = threadIdx.x / 32;
    const Sum prefix = warp_prefix(v);
    __syncthreads();
    if (lane == 31) warps[warp] = prefix;
    __syncthreads();
    const Sum all = warp_prefix(warps[lane]);
    const Sum below = __shfl_sync(0xffffffffu, all, warp ? warp - 1 : 0);
    return {(warp ? below : 0) + prefix - v, __shfl_sync(0xffffffffu, all, 31)};
}

// The largest t such that the weights of all elements with ordered(x) >= t sum up to `target`; 0 when they never do.
template <class W> __device__ uint32_t threshold(const float* x, int64_t n, Sum target, W weight) {
    KE_SHARED(Sum, bins, [kBins]);
    KE_SHARED(Sum, found_above, [1]);
    KE_SHARED(uint32_t, found_digit, [1]);
    Sum above = 0;   // weight of what lies above the digits chosen so far
    uint32_t prefix = 0;
    int below = 32;   // bits not chosen yet
    for (int round = 0; round < 3; round++) {
        const int digits = round < 2 ? 11 : 10, shift = below - digits;
        for (int i = threadIdx.x; i < kBins; i += kThreads) bins[i] = 0;
        __syncthreads();
        for (int64_t i = threadIdx.x; i < n; i += kThreads) {
            const uint32_t u = ordered(x[i]);
            if (round == 0 || u >> below == prefix) atomicAdd(&bins[u >> shift & ((1u << digits) - 1)], weight(x[i]));
        }
        __syncthreads();
        // from the top bin down, two a thread: the first at which the sum reaches the target, else bin 0
        const int top = kBins - 1 - 2 * (int)threadIdx.x;
        const Sum first = bins[top], second = bins[top - 1], before = above + block_prefix(first + second).before;
        if (before < target && before + first >= target) {
            found_digit[0] = (uint32_t)top;
            found_above[0] = before;
        } else if (before + first < target && (before + first + second >= target || top == 1)) {
            found_digit[0] = (uint32_t)top - 1;
            found_above[0] = before + first;
        }
        __syncthreads();
        prefix = prefix << digits | found_digit[0];
        above = found_above[0];
        below = shift;
    }
    return prefix;
}

// Uniform in [0, 1) with 53 bits.
__device__ double uniform(uint64_t seed, uint64_t counter, uint64_t stream) {
    uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma unroll
    for (int i = 0; i < 10; i++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        const uint32_t c1 = c[1], c3 = c[3];
        c[0] = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c[3] = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return ((double)(c[0] >> 5) * 67108864.0 + (double)(c[1] >> 6)) * 1.1102230246251565e-16;   // 2^-53
}

// The first id, upward, at which the running sum of weights passes u times the total.
__device__ void draw(int32_t* id, const float* w, int64_t n, double u) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x / 32;
    // each warp sums a stretch of its own
    const int64_t stretch = ke::ceil_div<int64_t>(n, kThreads) * 32, begin = min(warp * stretch, n), end = min(begin + stretch, n);
    Sum sum = 0;
    for (int64_t i = begin + lane; i < end; i += 32) sum += fixed(w[i]);
    const Prefix all = block_prefix(sum);
    const Sum product = (Sum)(u * (double)all.total), passed = product < all.total ? product : all.total - 1;   // u total may round up to the total
    const Sum warp_total = __shfl_sync(0xffffffffu, warp_prefix(sum), 31);
    Sum running = __shfl_sync(0xffffffffu, all.before, 0);
    if (running > passed || running + warp_total <= passed) return;   // the draw falls into another warp's stretch
    for (int64_t i = begin; i < end; i += 32) {
        const Sum prefix = warp_prefix(i + lane < end ? fixed(w[i + lane]) : 0);
        const unsigned over = __ballot_sync(0xffffffffu, running + prefix > passed);
        if (over) {
            if (lane == 0) *id = (int32_t)(i + __ffs((int)over) - 1);
            return;
        }
        running += __shfl_sync(0xffffffffu, prefix, 31);
    }
}

__global__ void __launch_bounds__(kThreads) sample_kernel(int32_t* ids, int64_t ids_stride, float* scratch, ke::Rows<const float> logits, ke::Rows<const int32_t> history,
                                                          Sampling how) {
    KE_SHARED(int, lowest, [1]);
    const int64_t row = blockIdx.x, n = logits.cols;
    const float* from = logits.row(row);
    float* x = scratch + row * n;
    int32_t* id = ids + row * ids_stride;
    auto each = [&](auto f) {   // f(x) of every token, each always in the same thread
        for (int64_t i = threadIdx.x; i < n; i += kThreads) x[i] = f(x[i]);
    };

    for (int64_t i = threadIdx.x; i < n; i += kThreads) x[i] = from[i];
    if (threadIdx.x == 0) lowest[0] = 0x7fffffff;
    __syncthreads();
    if (how.repeat_penalty != 1.f && history.data)
        for (int64_t i = threadIdx.x; i < history.cols; i += kThreads) {
            const int32_t seen = history.row(row)[i];
            if (seen >= 0 && seen < n) {
                const float logit = from[seen];
                atomicExch(&x[seen], logit > 0.f ? logit / how.repeat_penalty : logit * how.repeat_penalty);   // an id may come twice
            }
        }
    __syncthreads();
    float most = -INFINITY;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) most = fmaxf(most, x[i]);   // a NaN is never the larger
    most = ke::block_max<kThreads>(most);
    if (!(most > -INFINITY && most < INFINITY)) {   // the same for all threads
        if (threadIdx.x == 0) *id = -1;
        return;
    }
    if (how.temperature == 0.f) {
        for (int64_t i = threadIdx.x; i < n; i += kThreads)
            if (x[i] == most) {
                atomicMin(lowest, (int)i);
                break;
            }
        __syncthreads();
        if (threadIdx.x == 0) *id = lowest[0];
        return;
    }
    each([&](float v) { return v <= most ? (v - most) / how.temperature : -INFINITY; });   // a NaN is no token
    if (how.top_k > 0 && how.top_k < n) {
        const uint32_t least = threshold(x, n, (Sum)how.top_k, [](float) { return (Sum)1; });
        each([&](float v) { return ordered(v) < least ? -INFINITY : v; });
    }
    each([](float v) { return expf(v); });
    if (how.top_p < 1.f) {
        Sum sum = 0;
        for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += fixed(x[i]);
        const Sum target = (Sum)ceil((double)how.top_p * (double)block_prefix(sum).total);
        const uint32_t least = threshold(x, n, target, [](float w) { return fixed(w); });
        each([&](float w) { return ordered(w) < least ? 0.f : w; });
    }
    each([&](float w) { return w >= how.min_p ? w : 0.f; });   // the best has 1
    __syncthreads();
    draw(id, x, n, uniform(how.seed, how.counter, (uint64_t)row));
}
}  // namespace

cudaError_t sample(int32_t* ids, int64_t ids_stride, float* scratch, ke::Rows<const float> logits, ke::Rows<const int32_t> history, const Sampling& how,
                   cudaStream_t stream) {
    if (!logits.rows) return cudaSuccess;
    return ke::launch(sample_kernel, dim3((unsigned)logits.rows), dim3(kThreads), 0, stream, ids, ids_stride, scratch, logits, history, how);
}
}  // namespace kernels
