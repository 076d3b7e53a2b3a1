// The element types of tensors (float, __half, __nv_bfloat16) and vectors of them, under names a template can use.
#pragma once
#include "ke/rows.h"

namespace ke {
__host__ __device__ __forceinline__ float to_float(float v) { return v; }
__host__ __device__ __forceinline__ float to_float(__half v) { return __half2float(v); }
__host__ __device__ __forceinline__ float to_float(__nv_bfloat16 v) { return __bfloat162float(v); }

// rounds to nearest even; __half overflows to infinity
template <class T> __host__ __device__ __forceinline__ T from_float(float v);
template <> __host__ __device__ __forceinline__ float from_float<float>(float v) { return v; }
template <> __host__ __device__ __forceinline__ __half from_float<__half>(float v) { return __float2half_rn(v); }
template <> __host__ __device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float v) { return __float2bfloat16_rn(v); }

// Two 16-bit values in the 32-bit register an mma fragment wants: `low` in bits 0..15.
template <class T> __device__ __forceinline__ uint32_t pack2(float low, float high);
template <> __device__ __forceinline__ uint32_t pack2<__half>(float low, float high) {
    const __half2 v = __floats2half2_rn(low, high);
    return *(const uint32_t*)&v;
}
template <> __device__ __forceinline__ uint32_t pack2<__nv_bfloat16>(float low, float high) {
    const __nv_bfloat162 v = __floats2bfloat162_rn(low, high);
    return *(const uint32_t*)&v;
}
template <class T> __device__ __forceinline__ float2 unpack2(uint32_t v);
template <> __device__ __forceinline__ float2 unpack2<__half>(uint32_t v) { return __half22float2(*(const __half2*)&v); }
template <> __device__ __forceinline__ float2 unpack2<__nv_bfloat16>(uint32_t v) { return __bfloat1622float2(*(const __nv_bfloat162*)&v); }

// N elements read or written by one instruction when N * sizeof(T) is 2, 4, 8 or 16.
template <class T, int N> struct alignas(N * sizeof(T)) Vec {
    T at[N];
};
// True when a vector access at p is allowed: launchers choose the vector kernel by it.
template <class T, int N> __host__ __device__ __forceinline__ bool aligned(const T* p) { return (uintptr_t)p % (N * sizeof(T)) == 0; }

// elements of T in a 16-byte access
template <class T> constexpr int kVector = 16 / sizeof(T);

#if defined(KE_GPU)
#define KE_LOCATE
#define KE_REQUIRE_ALIGNED(p)
#else
#define KE_LOCATE , KE_SITE_ARG
#define KE_REQUIRE_ALIGNED(p) \
    if (!aligned<T, N>(p)) emu::fail(KE_SITE, "vector access at %p is not aligned to %zu bytes", (const void*)(p), N * sizeof(T))
#endif
template <int N, class T> __device__ __forceinline__ Vec<T, N> load_vec(const T* p KE_LOCATE) {
    KE_REQUIRE_ALIGNED(p);
    return *(const Vec<T, N>*)p;
}
template <int N, class T> __device__ __forceinline__ void store_vec(T* p, const Vec<T, N>& v KE_LOCATE) {
    KE_REQUIRE_ALIGNED(p);
    *(Vec<T, N>*)p = v;
}
#undef KE_LOCATE
#undef KE_REQUIRE_ALIGNED

// N elements as floats, in 16-byte accesses; of the last piece of a row only the first `count` exist and the rest read
// as zero. N * sizeof(T) is at most 16, or a multiple of 16.
template <int N, class T> __device__ __forceinline__ void load_floats(float (&v)[N], const T* p, int64_t count = N) {
    constexpr int W = N < kVector<T> ? N : kVector<T>;
    if (count >= N) {
#pragma unroll
        for (int i = 0; i < N; i += W) {
            const Vec<T, W> u = load_vec<W>(p + i);
#pragma unroll
            for (int j = 0; j < W; j++) v[i + j] = to_float(u.at[j]);
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) v[i] = i < count ? to_float(p[i]) : 0.f;
    }
}
template <int N, class T> __device__ __forceinline__ void store_floats(T* p, const float (&v)[N], int64_t count = N) {
    constexpr int W = N < kVector<T> ? N : kVector<T>;
    if (count >= N) {
#pragma unroll
        for (int i = 0; i < N; i += W) {
            Vec<T, W> u;
#pragma unroll
            for (int j = 0; j < W; j++) u.at[j] = from_float<T>(v[i + j]);
            store_vec<W>(p + i, u);
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            if (i < count) p[i] = from_float<T>(v[i]);
    }
}

template <class I> __host__ __device__ __forceinline__ constexpr I ceil_div(I a, I b) { return (a + b - 1) / b; }
}  // namespace ke
