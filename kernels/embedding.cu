// Rows of the embedding matrix by token, converted and scaled.
//
//   y[t] = scale W[ids[t]]
//
// y [T, H] fp32, fp16 or bf16; W [V, H] fp32, fp16, bf16, or NF4 (nf4.cuh) of any H.
// Geometry: blocks of 128 threads, grid of tokens x pieces of a row; N consecutive elements a thread: 16 bytes of y when rows
//   are aligned for them, else one.
// Per call: writes T H e bytes and reads the rows named, T H e_w (NF4: about T H / 2) bytes; one flop an element, NF4 two.
#include "embedding.h"

#include "nf4.cuh"
#include "rows.cuh"

namespace kernels {
namespace {
constexpr int kThreads = 128;

// A dense matrix and an NF4 one, as what loads N consecutive elements of a row.
template <class W> struct Dense {
    ke::Rows<const W> w;
    __device__ int64_t rows() const { return w.rows; }
    template <int N> __device__ void load(float (&v)[N], int64_t row, int64_t c, int64_t count, const float*) const { ke::load_floats<N>(v, w.row(row) + c, count); }
};
struct Packed {
    Nf4 w;
    __device__ int64_t rows() const { return w.rows; }
    template <int N> __device__ void load(float (&v)[N], int64_t row, int64_t c, int64_t count, const float* dynamic) const {
        const int64_t first = row * w.cols + c;
        int64_t block = -1;
        float scale = 0.f;
#pragma unroll
        for (int i = 0; i < N; i++) {
            v[i] = 0.f;
            if (i >= count) continue;
            const int64_t at = first + i;
            if (at / kNf4Block != block) {   // the rows of an odd matrix begin anywhere in a block
                block = at / kNf4Block;
                scale = make_scale(w, fetch_scale(w, block), dynamic);
            }
            const uint8_t two = w.data[at / 2];
            v[i] = kNf4Table.value[at % 2 ? two & 15 : two >> 4] * scale;
        }
    }
};

template <class T, int N, class M> __global__ void __launch_bounds__(kThreads) embedding_kernel(unsigned blocks_per_row, ke::Rows<T> y, RowNumbers ids, M w, float scale) {
    KE_SHARED(float, dynamic, [256]);
    if constexpr (std::is_same<M, Packed>::value) {
        load_dynamic_code<kThreads>(dynamic);
        __syncthreads();
    }
    const int64_t t = blockIdx.x / blocks_per_row, c = ((int64_t)(blockIdx.x % blocks_per_row) * kThreads + threadIdx.x) * N;
    const int64_t row = row_number(ids, t, w.rows(), c == 0), count = y.cols - c;
    if (row < 0 || count <= 0) return;
    float v[N];
    w.load(v, row, c, count, dynamic);
#pragma unroll
    for (int i = 0; i < N; i++) v[i] *= scale;
    ke::store_floats<N>(y.row(t) + c, v, count);
}

template <class T, class M> cudaError_t launch(ke::Rows<T> y, RowNumbers ids, M w, bool vectors, float scale, cudaStream_t stream) {
    if (!ids.count || !y.cols) return cudaSuccess;
    constexpr int V = ke::kVector<T>;
    const int64_t per_row = ke::ceil_div<int64_t>(y.cols, kThreads * (vectors ? V : 1)), blocks = per_row * ids.count;
    if (blocks > 2147483647) return cudaErrorInvalidConfiguration;
    auto kernel = vectors ? embedding_kernel<T, V, M> : embedding_kernel<T, 1, M>;
    return ke::launch(kernel, dim3((unsigned)blocks), dim3(kThreads), 0, stream, (unsigned)per_row, y, ids, w, scale);
}
}  // namespace

template <class T, class W> cudaError_t embedding(ke::Rows<T> y, RowNumbers ids, ke::Rows<const W> w, float scale, cudaStream_t stream) {
    constexpr int V = ke::kVector<T>;
    return launch(y, ids, Dense<W>{w}, y.aligned_for(V) && w.aligned_for(V), scale, stream);
}
template <class T> cudaError_t embedding_nf4(ke::Rows<T> y, RowNumbers ids, const Nf4& w, float scale, cudaStream_t stream) {
    return launch(y, ids, Packed{w}, y.aligned_for(ke::kVector<T>), scale, stream);
}

#define INSTANTIATE(T)                                                                                                \
    template cudaError_t embedding(ke::Rows<T>, RowNumbers, ke::Rows<const float>, float, cudaStream_t);              \
    template cudaError_t embedding(ke::Rows<T>, RowNumbers, ke::Rows<const __half>, float, cudaStream_t);             \
    template cudaError_t embedding(ke::Rows<T>, RowNumbers, ke::Rows<const __nv_bfloat16>, float, cudaStream_t);      \
    template cudaError_t embedding_nf4(ke::Rows<T>, RowNumbers, const Nf4&, float, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
