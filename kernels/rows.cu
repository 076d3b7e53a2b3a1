// Whole rows by number: gather reads them, scatter writes them (K and V into the pages of a cache).
//
//   gather    y[t] = x[idx[t]]         scatter   y[idx[t]] = x[t]
//
// x, y of one type of 1, 2 or 4 bytes, copied bit for bit; idx int32.
// Geometry: blocks of 128 threads, grid of rows x pieces of a row; 16 bytes a thread when the rows of both are aligned for
//   them, else one element.
// Per call of n rows of c elements of e bytes: reads and writes n c e bytes; no flops.
#include "rows.h"

#include "rows.cuh"

namespace kernels {
namespace {
constexpr int kThreads = 128;

template <class T, int N, bool Scatter>
__global__ void __launch_bounds__(kThreads) copy_rows_kernel(unsigned blocks_per_row, ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx) {
    const int64_t t = blockIdx.x / blocks_per_row, c = ((int64_t)(blockIdx.x % blocks_per_row) * kThreads + threadIdx.x) * N;
    const int64_t named = row_number(idx, t, Scatter ? y.rows : x.rows, c == 0);
    if (named < 0 || c >= x.cols) return;
    const T* from = x.row(Scatter ? t : named) + c;
    T* to = y.row(Scatter ? named : t) + c;
    if (c + N <= x.cols) {
        ke::store_vec<N>(to, ke::load_vec<N>(from));
    } else {
        for (int i = 0; c + i < x.cols; i++) to[i] = from[i];
    }
}

template <bool Scatter, class T> cudaError_t copy_rows(ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx, cudaStream_t stream) {
    if (!idx.count || !x.cols) return cudaSuccess;
    constexpr int V = ke::kVector<T>;
    const bool vectors = y.aligned_for(V) && x.aligned_for(V);
    const int64_t per_row = ke::ceil_div<int64_t>(x.cols, kThreads * (vectors ? V : 1)), blocks = per_row * idx.count;
    if (blocks > 2147483647) return cudaErrorInvalidConfiguration;
    auto kernel = vectors ? copy_rows_kernel<T, V, Scatter> : copy_rows_kernel<T, 1, Scatter>;
    return ke::launch(kernel, dim3((unsigned)blocks), dim3(kThreads), 0, stream, (unsigned)per_row, y, x, idx);
}
}  // namespace

template <class T> cudaError_t gather_rows(ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx, cudaStream_t stream) { return copy_rows<false>(y, x, idx, stream); }
template <class T> cudaError_t scatter_rows(ke::Rows<T> y, ke::Rows<const T> x, RowNumbers idx, cudaStream_t stream) { return copy_rows<true>(y, x, idx, stream); }

#define INSTANTIATE(T)                                                                               \
    template cudaError_t gather_rows(ke::Rows<T>, ke::Rows<const T>, RowNumbers, cudaStream_t);      \
    template cudaError_t scatter_rows(ke::Rows<T>, ke::Rows<const T>, RowNumbers, cudaStream_t);
INSTANTIATE(uint8_t)
INSTANTIATE(uint16_t)
INSTANTIATE(uint32_t)
#undef INSTANTIATE
}  // namespace kernels
