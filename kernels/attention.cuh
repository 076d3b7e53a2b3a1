// What the attention kernels share: tiles of heads in shared memory, the products of a warp, scores and what is visible.
//
// A head's dims are padded to Dim, one of a few multiples of 32, with zeros in shared memory. A tile is rows of Dim 16-bit
// values, cut into chunks of 16 bytes that are permuted by the row's number, so that neither the copies in nor ldmatrix
// meets a bank conflict. Products are mma.sync m16n8k16; g = lane / 4, and a thread's columns are 2 (lane % 4) and the next.
#pragma once
#include "attention.h"
#include "ke/ke.h"

namespace kernels {
constexpr float kLog2e = 1.44269504088896341f, kLn2 = 0.693147180559945309f;

// The type a tensor of T is multiplied in: itself where it has tensor cores; sm_75 has none for bf16.
template <class T> struct Compute {
#if !defined(KE_ARCH) || KE_ARCH == 0 || KE_ARCH >= 800
    using Type = __nv_bfloat16;
#else
    using Type = __half;
#endif
};
template <> struct Compute<__half> {
    using Type = __half;
};

template <class C, int Dim> struct HeadTile {
    static constexpr int kChunks = Dim / 8;
    static __device__ __forceinline__ C* at(C* tile, int row, int chunk) {
        return tile + (row * kChunks + (kChunks % 8 == 0 ? chunk ^ (row & 7) : chunk ^ (row >> 1 & 3))) * 8;
    }
    // Rows rows; address(r) is the head's first element in row r, null where there is none (zeros then). A commit must follow.
    template <int Rows, int Threads, class E, class F> static __device__ __forceinline__ void load(C* tile, int dim, bool vectors, const E* any, F address) {
        for (int i = threadIdx.x; i < Rows * kChunks; i += Threads) {
            const int row = i / kChunks, chunk = i % kChunks;
            const E* p = chunk * 8 < dim ? address(row) : nullptr;
            if constexpr (std::is_same<E, C>::value) {
                if (vectors) {
                    ke::cp_async_zero_fill<16>(at(tile, row, chunk), p ? p + chunk * 8 : any, p ? 16 : 0);
                    continue;
                }
            }
            ke::Vec<C, 8> v;
#pragma unroll
            for (int j = 0; j < 8; j++) v.at[j] = ke::from_float<C>(p ? ke::to_float(p[chunk * 8 + j]) : 0.f);
            ke::store_vec<8>(at(tile, row, chunk), v);
        }
    }
    // rows row0 .. row0 + 15 as operand a, dims 16 k on
    static __device__ __forceinline__ void rows_a(uint32_t (&a)[4], C* tile, int row0, int k) {
        const int lane = threadIdx.x & 31;
        ke::ldmatrix_x4(a, at(tile, row0 + lane % 16, 2 * k + lane / 16));
    }
    // c[n] += a b^T for rows row0 .. row0 + 8 N of the tile, over dims 16 k on; N even
    template <int N> static __device__ __forceinline__ void multiply_rows(float (&c)[N][4], const uint32_t (&a)[4], C* tile, int row0, int k) {
        const int lane = threadIdx.x & 31;
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            uint32_t r[4];
            ke::ldmatrix_x4(r, at(tile, row0 + n * 8 + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
            const uint32_t b0[2] = {r[0], r[1]}, b1[2] = {r[2], r[3]};
            ke::mma_m16n8k16<C>(c[n], a, b0, c[n]);
            ke::mma_m16n8k16<C>(c[n + 1], a, b1, c[n + 1]);
        }
    }
    // c += a b, b being rows row0 .. row0 + 15 of the tile: columns are dims
    static __device__ __forceinline__ void multiply_columns(float (&c)[Dim / 8][4], const uint32_t (&a)[4], C* tile, int row0) {
        const int lane = threadIdx.x & 31;
#pragma unroll
        for (int n = 0; n < Dim / 8; n += 2) {
            uint32_t r[4];
            ke::ldmatrix_x4_trans(r, at(tile, row0 + lane % 16, n + lane / 16));
            const uint32_t b0[2] = {r[0], r[1]}, b1[2] = {r[2], r[3]};
            ke::mma_m16n8k16<C>(c[n], a, b0, c[n]);
            ke::mma_m16n8k16<C>(c[n + 1], a, b1, c[n + 1]);
        }
    }
};

// Two neighbouring 16x8 accumulators as operand a, 16 columns deep.
template <class C> __device__ __forceinline__ void accumulators_a(uint32_t (&a)[4], const float (&left)[4], const float (&right)[4]) {
    a[0] = ke::pack2<C>(left[0], left[1]);
    a[1] = ke::pack2<C>(left[2], left[3]);
    a[2] = ke::pack2<C>(right[0], right[1]);
    a[3] = ke::pack2<C>(right[2], right[3]);
}

template <int N> __device__ __forceinline__ void clear(float (&c)[N][4]) {
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) c[n][i] = 0.f;
}

// cap tanh(scale x / cap) or scale x, as the caller's product x asks; tanh to fp32's digits, by one exponential.
__device__ __forceinline__ float score(float x, float scale, float softcap) {
    x *= scale;
    if (softcap > 0.f) x = softcap * (1.f - 2.f * ke::rcp_approx(1.f + ke::exp2_approx(2.f * kLog2e / softcap * x)));
    return x;
}
__device__ __forceinline__ bool visible(int key, int query, int window) { return key <= query && (window == 0 || key > query - window); }

// Rows first_row + {0, 8} + lane / 4 of a warp's accumulators, each times factor[half], to the head's dims. to(r): the head's first
// element in row r, null where there is none.
template <class E, int N, class F>
__device__ __forceinline__ void store_head(const float (&c)[N][4], const float (&factor)[2], int first_row, int dim, F to) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        E* p = to(first_row + lane / 4 + 8 * half);
        if (!p) continue;
        const bool pairs = ke::aligned<E, 2>(p);
#pragma unroll
        for (int n = 0; n < N; n++) {
            const int column = n * 8 + 2 * (lane % 4);
            if (column >= dim) continue;
            ke::Vec<E, 2> two;
            two.at[0] = ke::from_float<E>(c[n][2 * half] * factor[half]);
            two.at[1] = ke::from_float<E>(c[n][2 * half + 1] * factor[half]);
            if (pairs) {
                ke::store_vec<2>(p + column, two);
            } else {
                p[column] = two.at[0];
                p[column + 1] = two.at[1];
            }
        }
    }
}

// Calls launch(Dim) with the padded size of a head.
template <class F> cudaError_t choose_dim(int32_t head_dim, F launch) {
    if (head_dim < 8 || head_dim > 256 || head_dim % 8) return cudaErrorInvalidValue;
    if (head_dim <= 32) return launch(std::integral_constant<int, 32>());
    if (head_dim <= 64) return launch(std::integral_constant<int, 64>());
    if (head_dim <= 96) return launch(std::integral_constant<int, 96>());
    if (head_dim <= 128) return launch(std::integral_constant<int, 128>());
    if (head_dim <= 192) return launch(std::integral_constant<int, 192>());
    return launch(std::integral_constant<int, 256>());
}
}  // namespace kernels
