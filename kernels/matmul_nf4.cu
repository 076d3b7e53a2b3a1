// Products with an NF4 matrix on the tensor cores, expanded in registers: W is read once, at half a byte a weight.
//
//   y (store) x W^T + bias + xa B^T        dx (store) dy W + t A        W = nf4[code] * scale, formats in nf4.cuh
//
// x, dy fp16 or bf16; output of that type or fp32; sums fp32. A weight is the product of the value and the scale, all three
// rounded to 16 bits: relative error at most 1.5 units in the last place, where a matrix dequantized to 16 bits has 0.5.
// in (the columns of W) a multiple of 64; tokens, out and the rank are free.
// Geometry: 128 columns of the output a block and 16, 32, 64 or 128 rows, the fewest that hold T; K in steps of 64 (one
//   block of scales) through three stages of cp.async, two with 128 rows. Warps stand side by side along the columns, so
//   that each code is expanded once a block (twice with 128 rows, where there are two rows of warps); K goes to several
//   blocks when there are too few to keep the memory busy, and their slabs are summed in order.
// Shared memory: 48 bytes to a row of 64 codes of W (32 and a gap), so that the 8 rows of a fragment lie in different
//   banks; 80 to a row of 128 for dy W.
// Per call: out in / 2 bytes of codes and out in / 64 of scales for every 128 rows; 2 T out in flops; to expand a weight costs
//   about 4 integer instructions, on 16 of 32 lanes a clock of a quarter SM. At 128 rows a warp of 64 x 32 spends about 60 of them
//   on 16 mma: the products hide it on sm_80 to 90; beyond that, dequantizing once and multiplying (matmul.cu) is faster.
// Sources: QLoRA, arXiv 2305.14314; the idea of keeping W packed down to the fragment: Marlin, arXiv 2408.11743.
#include "matmul_nf4.h"

#include <algorithm>

#include "nf4.cuh"
#include "tile.cuh"

namespace kernels {
namespace {
constexpr int kDepth = kNf4Block, kColumns = 128;

// A step of W for x W^T: 128 rows of 64 codes, each with its scale, twice in a word.
template <class T> struct PackedRows {
    static constexpr int kStride = kDepth / 2 + 16, kBytes = kColumns * (kStride + 4);
    static constexpr bool kTransposed = false;
    using LowRankTile = RowTile<T, kColumns, kDepth>;

    static __device__ __forceinline__ uint32_t* scales(uint8_t* tile) { return (uint32_t*)(tile + kColumns * kStride); }

    template <int Threads> static __device__ __forceinline__ void load(uint8_t* tile, const Nf4& w, int32_t n0, int32_t depth0) {
#pragma unroll
        for (int i = threadIdx.x; i < kColumns * 2; i += Threads) {
            const int row = i / 2, half = i % 2;
            const bool there = n0 + row < w.rows;
            ke::cp_async_zero_fill<16>(tile + row * kStride + 16 * half, w.data + (there ? ((n0 + row) * w.cols + depth0) / 2 + 16 * half : 0), there ? 16 : 0);
        }
    }
    // block of the scale that thread i (below 128) brings; -1: beyond the matrix
    static __device__ __forceinline__ int64_t scale_block(const Nf4& w, int i, int32_t n0, int32_t depth0) {
        return n0 + i < w.rows ? ((n0 + i) * w.cols + depth0) / kNf4Block : -1;
    }
    static __device__ __forceinline__ void put_scale(uint8_t* tile, int i, float scale) { scales(tile)[i] = ke::pack2<T>(scale, scale); }

    static __device__ __forceinline__ void fragment_b(uint32_t (&b)[4], uint8_t* tile, int outer, int depth) {
        const int g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int row = outer + 8 * h + g;
            const uint2 codes = *(const uint2*)(tile + row * kStride + depth / 2);
            uint32_t v[2];   // W[row][depth + 2 q, +1], and 8 further
            expand4<T, true>(__byte_perm(codes.x, codes.y, (uint32_t)(q | (q + 4) << 4)), v);
            const uint32_t scale = scales(tile)[row];
            b[2 * h] = multiply2<T>(v[0], scale);
            b[2 * h + 1] = multiply2<T>(v[1], scale);
        }
    }
};

// A step of W for dy W: 64 rows of 128 codes; the scales of the rows, for the first 64 columns and for the next.
template <class T> struct PackedColumns {
    static constexpr int kStride = kColumns / 2 + 16, kBytes = kDepth * kStride + kColumns / kNf4Block * kDepth * 2;
    static constexpr bool kTransposed = true;
    using LowRankTile = ColumnTile<T, kColumns, kDepth>;

    static __device__ __forceinline__ T* scales(uint8_t* tile) { return (T*)(tile + kDepth * kStride); }

    template <int Threads> static __device__ __forceinline__ void load(uint8_t* tile, const Nf4& w, int32_t n0, int32_t depth0) {
#pragma unroll
        for (int i = threadIdx.x; i < kDepth * 4; i += Threads) {
            const int row = i / 4, part = i % 4;
            const bool there = depth0 + row < w.rows && n0 + 32 * part < w.cols;
            ke::cp_async_zero_fill<16>(tile + row * kStride + 16 * part, w.data + (there ? ((depth0 + row) * w.cols + n0) / 2 + 16 * part : 0), there ? 16 : 0);
        }
    }
    static __device__ __forceinline__ int64_t scale_block(const Nf4& w, int i, int32_t n0, int32_t depth0) {
        const int32_t row = depth0 + i % kDepth, n = n0 + i / kDepth * kNf4Block;
        return row < w.rows && n < w.cols ? (row * w.cols + n) / kNf4Block : -1;
    }
    static __device__ __forceinline__ void put_scale(uint8_t* tile, int i, float scale) { scales(tile)[i] = ke::from_float<T>(scale); }

    static __device__ __forceinline__ void fragment_b(uint32_t (&b)[4], uint8_t* tile, int outer, int depth) {
        const int g = threadIdx.x % 32 / 4, q = threadIdx.x % 4, at = g / 2 * 8 + (g % 2 ? 0 : 4);   // bit of column g in a word of 8 codes
        const T* scale = scales(tile) + outer / kNf4Block * kDepth + depth + 2 * q;
#pragma unroll
        for (int h = 0; h < 2; h++) {
            uint32_t word[4];   // the 8 columns from outer + 8 h, of rows depth + 2 q, +1, +8, +9
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const uint32_t w = *(const uint32_t*)(tile + (depth + 2 * q + i % 2 + i / 2 * 8) * kStride + outer / 2 + 4 * h);
                word[i] = __funnelshift_r(w, w, at - 4 * i);   // the lane's code comes to nibble i
            }
            uint32_t v[2];
            expand4<T, false>((word[0] & 0xfu) | (word[1] & 0xf0u) | (word[2] & 0xf00u) | (word[3] & 0xf000u), v);
            b[2 * h] = multiply2<T>(v[0], *(const uint32_t*)scale);
            b[2 * h + 1] = multiply2<T>(v[1], *(const uint32_t*)(scale + 8));
        }
    }
};

template <class T, class Out> struct Args {
    Output<Out> out;
    Operand<T> x;           // x or dy
    Operand<T> left, right; // depth 0: none
    Nf4 w;
    int64_t rows, cols;     // of the output
};

template <class T, class Packed, class S> struct Memory {
    using A = RowTile<T, S::M, kDepth>;
    static constexpr int kStage = A::kBytes + Packed::kBytes, kTiles = std::max(S::Stages * kStage, A::kBytes + Packed::LowRankTile::kBytes);
    static constexpr int kBytes = kTiles + 256 * (int)sizeof(float);
};

template <class T, class Out, class Packed, class S>
__global__ void __launch_bounds__(S::kThreads, S::kThreads == 256 ? 2 : 1) matmul_nf4_kernel(const __grid_constant__ Args<T, Out> p) {
    using Lay = Memory<T, Packed, S>;
    using A = typename Lay::A;
    KE_DYN_SHARED(shared);
    float* const dynamic = (float*)(shared + Lay::kTiles);
    load_dynamic_code<S::kThreads>(dynamic);
    const int32_t m0 = blockIdx.x * S::M, n0 = blockIdx.y * S::N, rows = (int32_t)p.rows, cols = (int32_t)p.cols;
    const int32_t all = ke::ceil_div(p.x.depth, kDepth), z = blockIdx.z, parts = gridDim.z;
    const int32_t begin = (int32_t)((int64_t)all * z / parts), end = (int32_t)((int64_t)all * (z + 1) / parts);

    WarpSum<S> warp;
    warp.clear();
    // A thread brings the scale of one row: its code a step before it is needed, so that nobody waits for it.
    RawScale raw{};
    int64_t block = -1;
    auto fetch = [&](int32_t step) {
        block = threadIdx.x < kColumns && step < end ? Packed::scale_block(p.w, threadIdx.x, n0, step * kDepth) : -1;
        if (block >= 0) raw = fetch_scale(p.w, block);
    };
    auto load = [&](int32_t step) {
        if (step < end) {
            uint8_t* const stage = shared + step % S::Stages * Lay::kStage;
            A::template load<S::kThreads>((T*)stage, p.x, m0, rows, step * kDepth);
            Packed::template load<S::kThreads>(stage + A::kBytes, p.w, n0, step * kDepth);
            if (threadIdx.x < kColumns) Packed::put_scale(stage + A::kBytes, threadIdx.x, block >= 0 ? make_scale(p.w, raw, dynamic) : 0.f);
            fetch(step + 1);
        }
        ke::cp_async_commit();
    };
    fetch(begin);
    __syncthreads();   // the dynamic code is there
#pragma unroll
    for (int s = 0; s < S::Stages - 1; s++) load(begin + s);
    for (int32_t step = begin; step < end; step++) {
        ke::cp_async_wait<S::Stages - 2>();
        __syncthreads();
        load(step + S::Stages - 1);
        uint8_t* const stage = shared + step % S::Stages * Lay::kStage;
        warp.template multiply<A, Packed>((T*)stage, stage + A::kBytes);
    }
    // the low-rank term: a few more steps of K, of 16-bit operands
    if (z == parts - 1)
        for (int32_t depth = 0; depth < p.left.depth; depth += kDepth) {
            using B = typename Packed::LowRankTile;
            T *const a = (T*)shared, *const b = a + A::kBytes / sizeof(T);
            __syncthreads();   // nobody reads the stages any more
            A::template load<S::kThreads>(a, p.left, m0, rows, depth);
            B::template load<S::kThreads>(b, p.right, n0, cols, depth);
            ke::cp_async_commit();
            ke::cp_async_wait<0>();
            __syncthreads();
            warp.template multiply<A, B>(a, b);
        }
    warp.store(p.out, m0, n0, rows, cols, z);
}

template <class T, class Out, template <class> class Packed, int M> cudaError_t launch_rows(const Args<T, Out>& p, int splits, cudaStream_t stream) {
    using S = Shape<M, kColumns, kDepth, M == 128 ? 64 : M, 32, M == 128 ? 2 : 3>;
    const dim3 grid((unsigned)ke::ceil_div<int64_t>(p.rows, M), (unsigned)ke::ceil_div<int64_t>(p.cols, kColumns), splits);
    return ke::launch(matmul_nf4_kernel<T, Out, Packed<T>, S>, grid, dim3(S::kThreads), Memory<T, Packed<T>, S>::kBytes, stream, p);
}

template <class T, class Out, template <class> class Packed>
cudaError_t run(ke::Rows<Out> y, ke::Rows<const T> x, const Nf4& w, ke::Store store, const float* bias, const LowRank<T>* low, float* slabs, int splits, cudaStream_t stream) {
    if (!w.whole_blocks()) return cudaErrorInvalidValue;
    if (!tensor_cores_take<T>()) return cudaErrorNotSupported;
    if (!y.rows || !y.cols) return cudaSuccess;
    if (splits > 1) {
        const ke::Rows<float> slab = {slabs, y.rows, y.cols, y.cols};
        if (cudaError_t e = run<T, float, Packed>(slab, x, w, ke::Store::set, nullptr, low, nullptr, -splits, stream)) return e;
        const SlabSum<Out> sum = {y, slabs, y.cols, y.rows * y.cols, bias, 1.f, store};
        return sum_slabs(&sum, 1, splits, stream);
    }
    Args<T, Out> p{into(y, store, 1.f, bias), by_rows(x), {}, {}, w, y.rows, y.cols};
    p.out.slab = y.rows * y.cols;
    if (low) {
        p.left = by_rows(low->left);
        p.right = Packed<T>::kTransposed ? by_columns(low->right) : by_rows(low->right);
    }
    const int parts = std::max(1, -splits);   // negative: into slabs
    if (y.rows <= 16) return launch_rows<T, Out, Packed, 16>(p, parts, stream);
    if (y.rows <= 32) return launch_rows<T, Out, Packed, 32>(p, parts, stream);
    if (y.rows <= 64) return launch_rows<T, Out, Packed, 64>(p, parts, stream);
    return launch_rows<T, Out, Packed, 128>(p, parts, stream);
}
}  // namespace

int matmul_nf4_splits(int64_t rows, int64_t cols, int64_t depth) {
    const int64_t height = rows <= 16 ? 16 : rows <= 32 ? 32 : rows <= 64 ? 64 : 128;
    const int64_t blocks = ke::ceil_div(rows, height) * ke::ceil_div<int64_t>(cols, kColumns);
    // two blocks a multiprocessor have enough bytes under way; a part of fewer than 4 steps is all overhead
    return (int)std::clamp<int64_t>(2 * (int64_t)multiprocessors() / std::max<int64_t>(blocks, 1), 1, std::clamp<int64_t>(depth / (4 * kDepth), 1, 16));
}

template <class T, class Out>
cudaError_t matmul_nf4(ke::Rows<Out> y, ke::Rows<const T> x, const Nf4& w, ke::Store store, const float* bias, const LowRank<T>* low, float* slabs, int splits,
                       cudaStream_t stream) {
    return run<T, Out, PackedRows>(y, x, w, store, bias, low, slabs, splits, stream);
}
template <class T, class Out>
cudaError_t dmatmul_nf4(ke::Rows<Out> dx, ke::Rows<const T> dy, const Nf4& w, ke::Store store, const LowRank<T>* low, float* slabs, int splits, cudaStream_t stream) {
    return run<T, Out, PackedColumns>(dx, dy, w, store, nullptr, low, slabs, splits, stream);
}

#define INSTANTIATE(T, Out)                                                                                                                        \
    template cudaError_t matmul_nf4(ke::Rows<Out>, ke::Rows<const T>, const Nf4&, ke::Store, const float*, const LowRank<T>*, float*, int, cudaStream_t); \
    template cudaError_t dmatmul_nf4(ke::Rows<Out>, ke::Rows<const T>, const Nf4&, ke::Store, const LowRank<T>*, float*, int, cudaStream_t);
INSTANTIATE(__half, __half)
INSTANTIATE(__half, float)
INSTANTIATE(__nv_bfloat16, __nv_bfloat16)
INSTANTIATE(__nv_bfloat16, float)
#undef INSTANTIATE
}  // namespace kernels
