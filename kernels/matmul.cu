// Products of dense matrices on the tensor cores, and the engine behind the low-rank products and the head.
//
//   y (store) x W^T      dx (store) dy W      and what product.h describes: several at once, K in segments, K in parts
//
// Operands fp16 or bf16, sums fp32, output of the operands' type or fp32; fp32 operands are multiplied in fp32 on the
// ordinary units. Any shape, any row stride; 16-byte aligned rows are copied asynchronously, others element by element.
// Geometry: a block makes 128 x 128 of the output with 8 warps of 64 x 32, K in steps of 32 through three stages of 16 KiB
//   (two blocks fit on an SM of 100 KiB, and on sm_75 one into its 64 KiB); where an output is 64 or narrower, 64 x 64 with
//   4 warps of 32 x 32. blockIdx.x counts tiles of rows, so that blocks that run together share tiles of W in L2;
//   blockIdx.y tiles of columns, of all pieces; blockIdx.z parts of K.
// Per call: 2 M N K flops; M K ceil(N / 128) + N K ceil(M / 128) elements from L2, of which M K + N K + M N at least come
//   from or go to device memory. A step of 32 costs a warp 6 ldmatrix.x4 for every 16 mma.
// Sources: NVIDIA, "Efficient GEMM in CUDA" (CUTLASS documentation) for the pipeline; PTX ISA for the fragments.
#include "matmul.h"

#include <algorithm>

#include "tile.cuh"

namespace kernels {
namespace {
using Wide = Shape<128, 128, 32, 64, 32, 3>;
using Narrow = Shape<64, 64, 32, 32, 32, 3>;

template <class T, class S, Layout L> struct Tiles {
    using A = std::conditional_t<L == Layout::tn, ColumnTile<T, S::M, S::Depth>, RowTile<T, S::M, S::Depth>>;
    using B = std::conditional_t<L == Layout::nt, RowTile<T, S::N, S::Depth>, ColumnTile<T, S::N, S::Depth>>;
    static constexpr int kStage = (A::kBytes + B::kBytes) / (int)sizeof(T), kBytes = S::Stages * (A::kBytes + B::kBytes);
};

// Which piece a block works on, and which tile of it.
template <class T, class Out> struct Place {
    const Piece<T, Out>* piece;
    int32_t m0, n0, rows;   // rows that are there
    bool idle;

    template <int M, int N> static __device__ __forceinline__ Place find(const Product<T, Out>& p) {
        int i = 0, tile = blockIdx.y;
        while (tile >= ke::ceil_div(p.piece[i].cols, N)) tile -= ke::ceil_div(p.piece[i++].cols, N);
        Place at{&p.piece[i], (int32_t)blockIdx.x * M, tile * N, p.piece[i].rows, false};
        if (p.live) at.rows = min(at.rows, *p.live - p.live0);
        at.idle = at.m0 >= at.rows;
        return at;
    }
};

// Steps of Depth through the segments of a piece, from its step `first` on.
template <int Depth, class T> struct Steps {
    const Segment<T>* segment;
    int32_t depth;

    __device__ __forceinline__ Steps(const Segment<T>* s, int32_t first) : segment(s), depth(first * Depth) {
        for (;;) {
            const int32_t padded = ke::ceil_div(segment->a.depth, Depth) * Depth;
            if (depth < padded || padded == 0) break;
            depth -= padded;
            segment++;
        }
    }
    __device__ __forceinline__ void next() {
        depth += Depth;
        if (depth >= segment->a.depth) {
            depth = 0;
            segment++;
        }
    }
};
template <int Depth, class T, class Out> __device__ __forceinline__ int32_t count_steps(const Product<T, Out>& p, const Piece<T, Out>& piece) {
    int32_t n = 0;
    for (int i = 0; i < piece.segments; i++) n += ke::ceil_div(p.segment[piece.first + i].a.depth, Depth);
    return n;
}

template <class T, class Out, class S, Layout L>
__global__ void __launch_bounds__(S::kThreads) product_kernel(const __grid_constant__ Product<T, Out> p) {
    using Tile = Tiles<T, S, L>;
    KE_DYN_SHARED(shared);
    T* const tiles = (T*)shared;
    const auto at = Place<T, Out>::template find<S::M, S::N>(p);
    if (at.idle) return;   // the whole block
    const Piece<T, Out>& piece = *at.piece;
    const int32_t all = count_steps<S::Depth>(p, piece);
    const int32_t begin = (int32_t)((int64_t)all * blockIdx.z / p.splits), end = (int32_t)((int64_t)all * (blockIdx.z + 1) / p.splits);

    WarpSum<S> warp;
    warp.clear();
    if (begin < end) {
        Steps<S::Depth, T> ahead(p.segment + piece.first, begin);
        auto load = [&](int32_t step) {
            if (step < end) {
                T* const a = tiles + step % S::Stages * Tile::kStage;
                Tile::A::template load<S::kThreads>(a, ahead.segment->a, at.m0, at.rows, ahead.depth);
                Tile::B::template load<S::kThreads>(a + Tile::A::kBytes / sizeof(T), ahead.segment->b, at.n0, piece.cols, ahead.depth);
                ahead.next();
            }
            ke::cp_async_commit();   // one group a step, even an empty one, so that waiting counts steps
        };
#pragma unroll
        for (int s = 0; s < S::Stages - 1; s++) load(begin + s);
        for (int32_t step = begin; step < end; step++) {
            ke::cp_async_wait<S::Stages - 2>();
            __syncthreads();   // this step's tiles are there, and everybody is done with the stage that is loaded next
            load(step + S::Stages - 1);
            T* const a = tiles + step % S::Stages * Tile::kStage;
            warp.template multiply<typename Tile::A, typename Tile::B>(a, a + Tile::A::kBytes / sizeof(T));
        }
    }
    warp.store(piece.out, at.m0, at.n0, at.rows, piece.cols, blockIdx.z);
}

// fp32 operands: 64 x 64 a block, 4 x 4 a thread, K in steps of 16, the next step's elements fetched while this one's are
// multiplied. The strict mode of small models; not fast.
template <class Out, Layout L> __global__ void __launch_bounds__(256) product_f32_kernel(const __grid_constant__ Product<float, Out> p) {
    constexpr int N = 64, Depth = 16;
    KE_SHARED(float, as, [Depth][N + 4]);
    KE_SHARED(float, bs, [Depth][N + 4]);
    const auto at = Place<float, Out>::template find<N, N>(p);
    if (at.idle) return;
    const Piece<float, Out>& piece = *at.piece;
    const int32_t all = count_steps<Depth>(p, piece);
    const int32_t begin = (int32_t)((int64_t)all * blockIdx.z / p.splits), end = (int32_t)((int64_t)all * (blockIdx.z + 1) / p.splits);
    const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    float sum[4][4] = {}, fa[4], fb[4];

    // element i of this thread in a tile of 64 by 16: neighbours in memory go to neighbours among the threads
    auto place = [&](bool by_row, int i, int& outer, int& depth) {
        const int n = threadIdx.x + 256 * i;
        outer = by_row ? n / Depth : n % N;
        depth = by_row ? n % Depth : n / N;
    };
    auto fetch = [&](float (&v)[4], const Operand<float>& m, bool by_row, int32_t outer0, int32_t outers, int32_t depth0) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int outer, depth;
            place(by_row, i, outer, depth);
            outer += outer0;
            depth += depth0;
            const bool there = outer < outers && depth < m.depth;
            if (there && m.gather) outer = m.gather[outer];
            v[i] = there ? m.data[by_row ? outer * m.stride + depth : depth * m.stride + outer] : 0.f;
        }
    };
    auto keep = [&](float (*tile)[N + 4], const float (&v)[4], bool by_row) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int outer, depth;
            place(by_row, i, outer, depth);
            tile[depth][outer] = v[i];
        }
    };
    constexpr bool a_rows = L != Layout::tn, b_rows = L == Layout::nt;
    if (begin < end) {
        Steps<Depth, float> ahead(p.segment + piece.first, begin);
        auto load = [&] {
            fetch(fa, ahead.segment->a, a_rows, at.m0, at.rows, ahead.depth);
            fetch(fb, ahead.segment->b, b_rows, at.n0, piece.cols, ahead.depth);
            ahead.next();
        };
        load();
        for (int32_t step = begin; step < end; step++) {
            __syncthreads();
            keep(as, fa, a_rows);
            keep(bs, fb, b_rows);
            __syncthreads();
            if (step + 1 < end) load();
#pragma unroll
            for (int k = 0; k < Depth; k++)
#pragma unroll
                for (int i = 0; i < 4; i++)
#pragma unroll
                    for (int j = 0; j < 4; j++) sum[i][j] += as[k][ty + 16 * i] * bs[k][tx + 16 * j];
        }
    }
    const Output<Out>& out = piece.out;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int32_t m = at.m0 + ty + 16 * i;
        if (m >= at.rows) continue;
        Out* y = out.data + blockIdx.z * out.slab + (int64_t)(out.scatter ? out.scatter[m] : m) * out.stride;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int32_t n = at.n0 + tx + 16 * j;
            if (n >= piece.cols) continue;
            float v = sum[i][j] * out.alpha + (out.bias ? out.bias[n] : 0.f);
            if (out.store == ke::Store::add) v += ke::to_float(y[n]);
            y[n] = ke::from_float<Out>(v);
        }
    }
}

template <class Out> struct SlabSums {
    SlabSum<Out> part[kMostProjections];
};
template <class Out> __global__ void __launch_bounds__(256) sum_slabs_kernel(const __grid_constant__ SlabSums<Out> parts, int splits) {
    const SlabSum<Out>& p = parts.part[blockIdx.y];
    const int64_t i = (int64_t)blockIdx.x * 256 + threadIdx.x;
    if (i >= p.y.rows * p.y.cols) return;
    const int64_t row = i / p.y.cols, col = i % p.y.cols;
    const float* slab = p.slabs + row * p.stride + col;
    float sum = 0.f;
    for (int s = 0; s < splits; s++) sum += slab[s * p.distance];
    Out* y = p.y.row(row) + col;
    float v = sum * p.alpha + (p.bias ? p.bias[col] : 0.f);
    if (p.store == ke::Store::add) v += ke::to_float(*y);
    *y = ke::from_float<Out>(v);
}

int device_attribute(cudaDeviceAttr attribute) {
    int device = 0, value = 0;
    if (cudaGetDevice(&device) != cudaSuccess || cudaDeviceGetAttribute(&value, attribute, device) != cudaSuccess) return 0;
    return value;
}

template <class T, class Out> dim3 grid_of(const Product<T, Out>& p, int m, int n) {
    unsigned rows = 0, tiles = 0;
    for (int i = 0; i < p.pieces; i++) {
        rows = std::max(rows, (unsigned)ke::ceil_div(p.piece[i].rows, m));
        tiles += ke::ceil_div(p.piece[i].cols, n);
    }
    return dim3(rows, tiles, p.splits);
}

template <class T, class Out, Layout L> cudaError_t run(const Product<T, Out>& p, cudaStream_t stream) {
    int32_t rows = 0, cols = 0;
    for (int i = 0; i < p.pieces; i++) {
        rows = std::max(rows, p.piece[i].rows);
        cols = std::max(cols, p.piece[i].cols);
    }
    if (!rows || !cols) return cudaSuccess;
    if constexpr (std::is_same<T, float>::value) {
        return ke::launch(product_f32_kernel<Out, L>, grid_of(p, 64, 64), dim3(256), 0, stream, p);
    } else {
        if (!tensor_cores_take<T>()) return cudaErrorNotSupported;
        if (rows <= Narrow::M || cols <= Narrow::N)
            return ke::launch(product_kernel<T, Out, Narrow, L>, grid_of(p, Narrow::M, Narrow::N), dim3(Narrow::kThreads), Tiles<T, Narrow, L>::kBytes, stream, p);
        return ke::launch(product_kernel<T, Out, Wide, L>, grid_of(p, Wide::M, Wide::N), dim3(Wide::kThreads), Tiles<T, Wide, L>::kBytes, stream, p);
    }
}
}  // namespace

template <> bool tensor_cores_take<float>() { return true; }
template <> bool tensor_cores_take<__half>() { return true; }
template <> bool tensor_cores_take<__nv_bfloat16>() { return device_attribute(cudaDevAttrComputeCapabilityMajor) >= 8; }

int multiprocessors() { return std::max(1, device_attribute(cudaDevAttrMultiProcessorCount)); }

int product_splits(int64_t rows, int64_t cols, int64_t depth) {
    const int64_t blocks = ke::ceil_div<int64_t>(rows, Narrow::M) * ke::ceil_div<int64_t>(cols, Narrow::N), wanted = 4 * (int64_t)multiprocessors();
    const int64_t deep = std::max<int64_t>(1, depth / (8 * Narrow::Depth));   // a part of fewer than 8 steps is all overhead
    return (int)std::clamp<int64_t>(wanted / std::max<int64_t>(blocks, 1), 1, std::min<int64_t>(deep, 32));
}

template <class T, class Out> cudaError_t product(const Product<T, Out>& p, Layout layout, cudaStream_t stream) {
    switch (layout) {
        case Layout::nt: return run<T, Out, Layout::nt>(p, stream);
        case Layout::nn: return run<T, Out, Layout::nn>(p, stream);
        default:
            if constexpr (std::is_same<Out, float>::value) return run<T, Out, Layout::tn>(p, stream);   // gradients of weights are fp32
            else return cudaErrorInvalidValue;
    }
}

template <class Out> cudaError_t sum_slabs(const SlabSum<Out>* parts, int count, int splits, cudaStream_t stream) {
    SlabSums<Out> all{};
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
        all.part[i] = parts[i];
        most = std::max(most, parts[i].y.rows * parts[i].y.cols);
    }
    if (!most) return cudaSuccess;
    return ke::launch(sum_slabs_kernel<Out>, dim3((unsigned)ke::ceil_div<int64_t>(most, 256), count), dim3(256), 0, stream, all, splits);
}

template <class T, class Out> cudaError_t matmul(ke::Rows<Out> y, ke::Rows<const T> x, ke::Rows<const T> w, ke::Store store, cudaStream_t stream) {
    Product<T, Out> p;
    add_piece(p, y.rows, y.cols, into(y, store));
    add_segment(p, by_rows(x), by_rows(w));
    return product(p, Layout::nt, stream);
}

template <class T, class Out> cudaError_t dmatmul(ke::Rows<Out> dx, ke::Rows<const T> dy, ke::Rows<const T> w, ke::Store store, cudaStream_t stream) {
    Product<T, Out> p;
    add_piece(p, dx.rows, dx.cols, into(dx, store));
    add_segment(p, by_rows(dy), by_columns(w));
    return product(p, Layout::nn, stream);
}

#define INSTANTIATE(T, Out)                                                                                                          \
    template cudaError_t product(const Product<T, Out>&, Layout, cudaStream_t);                                                      \
    template cudaError_t matmul(ke::Rows<Out>, ke::Rows<const T>, ke::Rows<const T>, ke::Store, cudaStream_t);                       \
    template cudaError_t dmatmul(ke::Rows<Out>, ke::Rows<const T>, ke::Rows<const T>, ke::Store, cudaStream_t);
INSTANTIATE(float, float)
INSTANTIATE(__half, __half)
INSTANTIATE(__half, float)
INSTANTIATE(__nv_bfloat16, __nv_bfloat16)
INSTANTIATE(__nv_bfloat16, float)
#undef INSTANTIATE
template cudaError_t sum_slabs(const SlabSum<float>*, int, int, cudaStream_t);
template cudaError_t sum_slabs(const SlabSum<__half>*, int, int, cudaStream_t);
template cudaError_t sum_slabs(const SlabSum<__nv_bfloat16>*, int, int, cudaStream_t);
}  // namespace kernels
