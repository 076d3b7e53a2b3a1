// Sums and maxima over a warp or a block, in one fixed order: the same input gives the same bits on every run.
#pragma once

namespace ke {
struct Sum {
    static __device__ __forceinline__ float identity() { return 0.f; }
    static __device__ __forceinline__ float apply(float a, float b) { return a + b; }
};
struct Max {
    static __device__ __forceinline__ float identity() { return -INFINITY; }
    static __device__ __forceinline__ float apply(float a, float b) { return fmaxf(a, b); }
};

// All 32 lanes call it, all get the result. A butterfly adds a + b in one lane and b + a in the other, which is the
// same number: every lane has the same bits.
template <class Op> __device__ __forceinline__ float warp_reduce(float v) {
#pragma unroll
    for (int o = 16; o; o >>= 1) v = Op::apply(v, __shfl_xor_sync(0xffffffffu, v, o));
    return v;
}
__device__ __forceinline__ float warp_sum(float v) { return warp_reduce<Sum>(v); }
__device__ __forceinline__ float warp_max(float v) { return warp_reduce<Max>(v); }

// All Threads threads (a multiple of 32, one-dimensional block) call it, all get the result. May be called again at
// once: the leading barrier keeps the second call off the buffer the first is still read from.
template <class Op, int Threads> __device__ __forceinline__ float block_reduce(float v) {
    static_assert(Threads % 32 == 0 && Threads <= 1024, "whole warps");
    KE_SHARED(float, partial, [Threads / 32]);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    v = warp_reduce<Op>(v);
    __syncthreads();
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    return warp_reduce<Op>(lane < Threads / 32 ? partial[lane] : Op::identity());
}
template <int Threads> __device__ __forceinline__ float block_sum(float v) { return block_reduce<Sum, Threads>(v); }
template <int Threads> __device__ __forceinline__ float block_max(float v) { return block_reduce<Max, Threads>(v); }
}  // namespace ke
