// Tiles of 16-bit matrices in shared memory, and the part of a block's product that a warp makes of them.
//
// A tile is cut into chunks of 8 elements (16 bytes), which is what cp.async writes and what a lane of ldmatrix reads. The
// chunks of a row are permuted by the row's number so that the 8 rows of one 8x8 tile lie in 8 different groups of banks:
// neither the copies in nor ldmatrix has bank conflicts, and no byte is spent on padding.
#pragma once
#include "ke/ke.h"
#include "product.h"

namespace kernels {
template <int Chunks> __device__ __forceinline__ int swizzle(int row, int chunk) {
    constexpr int period = Chunks < 8 ? Chunks : 8, same = 8 / period;   // `same` rows fill the 32 banks once
    return chunk ^ (row / same % period);
}

// 8 elements of line `line` from element `at`, of which `count` exist; the rest become zeros.
template <class T> __device__ __forceinline__ void copy_chunk(T* to, const Operand<T>& from, int64_t line, int64_t at, int64_t count) {
    const T* p = from.data + line * from.stride + at;
    if (from.vectors) {
        ke::cp_async_zero_fill<16>(to, count > 0 ? p : from.data, (int)(count <= 0 ? 0 : count < 8 ? count * 2 : 16));
    } else {
        ke::Vec<T, 8> v;
#pragma unroll
        for (int i = 0; i < 8; i++) v.at[i] = i < count ? p[i] : ke::from_float<T>(0.f);
        ke::store_vec<8>(to, v);
    }
}

// Outer elements by Depth, depth contiguous: x and W of x W^T.
template <class T_, int Outer, int Depth> struct RowTile {
    using T = T_;
    static constexpr int kChunks = Depth / 8, kBytes = Outer * Depth * 2;
    static __device__ __forceinline__ T* at(T* tile, int row, int chunk) { return tile + (row * kChunks + swizzle<kChunks>(row, chunk)) * 8; }

    template <int Threads> static __device__ __forceinline__ void load(T* tile, const Operand<T>& m, int32_t outer0, int32_t outers, int32_t depth0) {
#pragma unroll
        for (int i = threadIdx.x; i < Outer * kChunks; i += Threads) {
            const int row = i / kChunks, chunk = i % kChunks, outer = outer0 + row, depth = depth0 + chunk * 8;
            const bool there = outer < outers;
            copy_chunk(at(tile, row, chunk), m, !there ? 0 : m.gather ? m.gather[outer] : outer, depth, there ? m.depth - depth : 0);
        }
    }
    // rows outer .. outer + 15 at depth .. depth + 15, as operand a
    static __device__ __forceinline__ void fragment_a(uint32_t (&a)[4], T* tile, int outer, int depth) {
        const int lane = threadIdx.x % 32;
        ke::ldmatrix_x4(a, at(tile, outer + lane % 16, depth / 8 + lane / 16));
    }
    // two operands b: outer .. outer + 7, and the next 8
    static __device__ __forceinline__ void fragment_b(uint32_t (&b)[4], T* tile, int outer, int depth) {
        const int lane = threadIdx.x % 32;
        ke::ldmatrix_x4(b, at(tile, outer + lane % 8 + lane / 16 * 8, depth / 8 + lane / 8 % 2));
    }
};

// Depth by Outer elements, outer contiguous: W of dy W, both sides of t^T x.
template <class T_, int Outer, int Depth> struct ColumnTile {
    using T = T_;
    static constexpr int kChunks = Outer / 8, kBytes = Outer * Depth * 2;
    static __device__ __forceinline__ T* at(T* tile, int depth, int chunk) { return tile + (depth * kChunks + swizzle<kChunks>(depth, chunk)) * 8; }

    template <int Threads> static __device__ __forceinline__ void load(T* tile, const Operand<T>& m, int32_t outer0, int32_t outers, int32_t depth0) {
#pragma unroll
        for (int i = threadIdx.x; i < Depth * kChunks; i += Threads) {
            const int row = i / kChunks, chunk = i % kChunks, outer = outer0 + chunk * 8, depth = depth0 + row;
            const bool there = depth < m.depth;
            copy_chunk(at(tile, row, chunk), m, there ? depth : 0, outer, there ? outers - outer : 0);
        }
    }
    static __device__ __forceinline__ void fragment_a(uint32_t (&a)[4], T* tile, int outer, int depth) {
        const int lane = threadIdx.x % 32;
        ke::ldmatrix_x4_trans(a, at(tile, depth + lane % 8 + lane / 16 * 8, outer / 8 + lane / 8 % 2));
    }
    static __device__ __forceinline__ void fragment_b(uint32_t (&b)[4], T* tile, int outer, int depth) {
        const int lane = threadIdx.x % 32;
        ke::ldmatrix_x4_trans(b, at(tile, depth + lane % 16, outer / 8 + lane / 16));
    }
};

// How a block and its warps divide an output tile: the block makes M x N, a warp WarpM x WarpN.
template <int M_, int N_, int Depth_, int WarpM_, int WarpN_, int Stages_> struct Shape {
    static constexpr int M = M_, N = N_, Depth = Depth_, WarpM = WarpM_, WarpN = WarpN_, Stages = Stages_;
    static constexpr int kWarpsN = N / WarpN, kThreads = M / WarpM * kWarpsN * 32;
};

// A warp's part of the output. Element e of sum[i][j]: row 16 i + lane / 4 + 8 (e / 2), column 8 j + 2 (lane % 4) + e % 2.
template <class S> struct WarpSum {
    static constexpr int kRows = S::WarpM / 16, kColumns = S::WarpN / 8;
    float sum[kRows][kColumns][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < kRows; i++)
#pragma unroll
            for (int j = 0; j < kColumns; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) sum[i][j][e] = 0.f;
    }
    static __device__ __forceinline__ int row0() { return threadIdx.x / 32 / S::kWarpsN * S::WarpM; }
    static __device__ __forceinline__ int column0() { return threadIdx.x / 32 % S::kWarpsN * S::WarpN; }

    // += the product of two tiles. B is anything with fragment_b.
    template <class TileA, class TileB, class B> __device__ __forceinline__ void multiply(typename TileA::T* a, B b) {
#pragma unroll 2
        for (int k = 0; k < S::Depth; k += 16) {
            uint32_t fa[kRows][4];
#pragma unroll
            for (int i = 0; i < kRows; i++) TileA::fragment_a(fa[i], a, row0() + 16 * i, k);
#pragma unroll
            for (int j = 0; j < kColumns; j += 2) {
                uint32_t fb[4];
                TileB::fragment_b(fb, b, column0() + 8 * j, k);
                const uint32_t b0[2] = {fb[0], fb[1]}, b1[2] = {fb[2], fb[3]};
#pragma unroll
                for (int i = 0; i < kRows; i++) {
                    ke::mma_m16n8k16<typename TileA::T>(sum[i][j], fa[i], b0, sum[i][j]);
                    ke::mma_m16n8k16<typename TileA::T>(sum[i][j + 1], fa[i], b1, sum[i][j + 1]);
                }
            }
        }
    }

    // The block's tile begins at (m0, n0) of an output of rows x cols; part z of a split K.
    template <class Out> __device__ __forceinline__ void store(const Output<Out>& out, int32_t m0, int32_t n0, int32_t rows, int32_t cols, int z) const {
        const int lane = threadIdx.x % 32;
        const int32_t row = m0 + row0() + lane / 4, col = n0 + column0() + 2 * (lane % 4);
#pragma unroll
        for (int i = 0; i < kRows; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int32_t m = row + 16 * i + 8 * half;
                if (m >= rows) continue;
                Out* y = out.data + z * out.slab + (int64_t)(out.scatter ? out.scatter[m] : m) * out.stride;
#pragma unroll
                for (int j = 0; j < kColumns; j++) store_pair(y, col + 8 * j, cols, out, sum[i][j][2 * half], sum[i][j][2 * half + 1]);
            }
    }

private:
    // y[n], y[n + 1] (store) alpha (v0, v1) + bias
    template <class Out> static __device__ __forceinline__ void store_pair(Out* y, int32_t n, int32_t cols, const Output<Out>& out, float v0, float v1) {
        if (n >= cols) return;
        const bool both = n + 1 < cols;
        float v[2] = {v0 * out.alpha, v1 * out.alpha};
        if (out.bias) {
            v[0] += out.bias[n];
            if (both) v[1] += out.bias[n + 1];
        }
        if (both && out.pairs) {
            if (out.store == ke::Store::add) {
                const ke::Vec<Out, 2> old = ke::load_vec<2>(y + n);
                v[0] += ke::to_float(old.at[0]);
                v[1] += ke::to_float(old.at[1]);
            }
            ke::store_vec<2>(y + n, ke::Vec<Out, 2>{{ke::from_float<Out>(v[0]), ke::from_float<Out>(v[1])}});
            return;
        }
#pragma unroll
        for (int e = 0; e < 2; e++)
            if (e == 0 || both) y[n + e] = ke::from_float<Out>(out.store == ke::Store::add ? v[e] + ke::to_float(y[n + e]) : v[e]);
    }
};
}  // namespace kernels
