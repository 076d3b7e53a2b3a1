// RMSNorm over the rows of a matrix. Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467.
//
//   forward    r_t = 1 / sqrt(mean_c x_tc^2 + eps)          y_tc = x_tc r_t (g_c + offset)
//   backward   u = dy (g + offset)                          dx = r (u - x r^2 mean_c(u x))
//              dg_c += sum_t dy_tc x_tc r_t
//
// x, y, dx, dy [T, C] of one type (fp32, fp16, bf16), rows any stride apart; g, dg [C] and rstd [T] fp32. All sums fp32.
// Geometry: up to 1024 columns a warp per row, 8 rows per block; beyond that a block of 256 threads per row. 16-byte
//   accesses when every row is aligned for them, else one element at a time. drmsnorm_gain: a block of 32 x 8 threads
//   per 32 columns, each thread down every 8th row; one block owns a column, so the order of the sum is fixed.
// Per call, e bytes per element: forward reads 1 and writes 1 element from device memory (the second read of the row
//   comes from cache), 2 T C e bytes, about 4 T C flops; backward 3 T C e (4 when it adds), about 9 T C; gain 2 T C e.
#include "rmsnorm.h"

#include "ke/ke.h"

namespace kernels {
namespace {
constexpr int kWarp = 32, kBlock = 256, kWarpColumns = 1024, kRowsPerBlock = 8;

// Threads threads work on one row: a warp of several in the block (threadIdx.y), or the whole block.
template <int Threads> __device__ __forceinline__ float row_sum(float v) {
    if constexpr (Threads == kWarp) return ke::warp_sum(v);
    else return ke::block_sum<Threads>(v);
}

template <class T, int N, int Threads>
__global__ void __launch_bounds__(256) rmsnorm_kernel(ke::Rows<T> y, float* rstd, ke::Rows<const T> x, const float* g, float offset, float eps) {
    const int64_t t = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, C = x.cols;
    if (Threads == kWarp && t >= x.rows) return;   // a whole warp, and there is no barrier below
    const T* xt = x.row(t);
    float sum = 0.f, xv[N], gv[N];
    for (int64_t c = threadIdx.x * N; c < C; c += Threads * N) {
        ke::load_floats<N>(xv, xt + c, C - c);
#pragma unroll
        for (int i = 0; i < N; i++) sum += xv[i] * xv[i];
    }
    // r = 1 / sqrt(mean x^2 + eps)
    const float r = rsqrtf(row_sum<Threads>(sum) / (float)C + eps);
    if (rstd && threadIdx.x == 0) rstd[t] = r;
    // y = x r (g + offset)
    T* yt = y.row(t);
    for (int64_t c = threadIdx.x * N; c < C; c += Threads * N) {
        ke::load_floats<N>(xv, xt + c, C - c);
        ke::load_floats<N>(gv, g + c, C - c);
#pragma unroll
        for (int i = 0; i < N; i++) xv[i] *= r * (gv[i] + offset);
        ke::store_floats<N>(yt + c, xv, C - c);
    }
}

template <class T, int N, int Threads, ke::Store S>
__global__ void __launch_bounds__(256)
    drmsnorm_kernel(ke::Rows<T> dx, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd, const float* g, float offset) {
    const int64_t t = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, C = x.cols;
    if (Threads == kWarp && t >= x.rows) return;
    const T *xt = x.row(t), *dyt = dy.row(t);
    float sum = 0.f, xv[N], uv[N], gv[N];
    auto load = [&](int64_t c) {   // xv = x, uv = u = dy (g + offset)
        ke::load_floats<N>(xv, xt + c, C - c);
        ke::load_floats<N>(uv, dyt + c, C - c);
        ke::load_floats<N>(gv, g + c, C - c);
#pragma unroll
        for (int i = 0; i < N; i++) uv[i] *= gv[i] + offset;
    };
    for (int64_t c = threadIdx.x * N; c < C; c += Threads * N) {
        load(c);
#pragma unroll
        for (int i = 0; i < N; i++) sum += uv[i] * xv[i];
    }
    const float r = rstd[t], k = r * r * (row_sum<Threads>(sum) / (float)C);
    // dx = r (u - x r^2 mean(u x))
    T* dxt = dx.row(t);
    for (int64_t c = threadIdx.x * N; c < C; c += Threads * N) {
        load(c);
#pragma unroll
        for (int i = 0; i < N; i++) uv[i] = r * (uv[i] - xv[i] * k);
        if constexpr (S == ke::Store::add) {
            ke::load_floats<N>(xv, dxt + c, C - c);
#pragma unroll
            for (int i = 0; i < N; i++) uv[i] += xv[i];
        }
        ke::store_floats<N>(dxt + c, uv, C - c);
    }
}

template <class T> __global__ void __launch_bounds__(256) drmsnorm_gain_kernel(float* dg, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd) {
    KE_SHARED(float, part, [kRowsPerBlock][kWarp + 1]);
    const int64_t c = (int64_t)blockIdx.x * kWarp + threadIdx.x;
    float sum = 0.f;
    if (c < x.cols)
        for (int64_t t = threadIdx.y; t < x.rows; t += kRowsPerBlock) sum += ke::to_float(dy.row(t)[c]) * ke::to_float(x.row(t)[c]) * rstd[t];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < x.cols) {
        for (int i = 1; i < kRowsPerBlock; i++) sum += part[i][threadIdx.x];
        dg[c] += sum;
    }
}

// Calls launch(N, Threads) with the vector width the rows allow and the geometry the width of a row asks for.
template <class T, class F> cudaError_t choose(int64_t rows, int64_t cols, bool vectors, F launch) {
    using Wide = std::integral_constant<int, ke::kVector<T>>;
    using One = std::integral_constant<int, 1>;
    using Warp = std::integral_constant<int, kWarp>;
    using Block = std::integral_constant<int, kBlock>;
    if (cols <= kWarpColumns) {
        const dim3 grid((unsigned)ke::ceil_div<int64_t>(rows, kRowsPerBlock)), block(kWarp, kRowsPerBlock);
        return vectors ? launch(Wide(), Warp(), grid, block) : launch(One(), Warp(), grid, block);
    }
    const dim3 grid((unsigned)rows), block(kBlock);
    return vectors ? launch(Wide(), Block(), grid, block) : launch(One(), Block(), grid, block);
}
}  // namespace

template <class T>
cudaError_t rmsnorm(ke::Rows<T> y, float* rstd, ke::Rows<const T> x, const float* g, float offset, float eps, cudaStream_t stream) {
    if (!x.rows || !x.cols) return cudaSuccess;
    constexpr int V = ke::kVector<T>;
    return choose<T>(x.rows, x.cols, y.aligned_for(V) && x.aligned_for(V) && ke::aligned<float, 4>(g), [&](auto n, auto threads, dim3 grid, dim3 block) {
        return ke::launch(rmsnorm_kernel<T, n, threads>, grid, block, 0, stream, y, rstd, x, g, offset, eps);
    });
}

template <class T>
cudaError_t drmsnorm(ke::Rows<T> dx, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd, const float* g, float offset, ke::Store store,
                     cudaStream_t stream) {
    if (!x.rows || !x.cols) return cudaSuccess;
    constexpr int V = ke::kVector<T>;
    const bool vectors = dx.aligned_for(V) && dy.aligned_for(V) && x.aligned_for(V) && ke::aligned<float, 4>(g);
    return choose<T>(x.rows, x.cols, vectors, [&](auto n, auto threads, dim3 grid, dim3 block) {
        auto kernel = store == ke::Store::add ? drmsnorm_kernel<T, n, threads, ke::Store::add> : drmsnorm_kernel<T, n, threads, ke::Store::set>;
        return ke::launch(kernel, grid, block, 0, stream, dx, dy, x, rstd, g, offset);
    });
}

template <class T> cudaError_t drmsnorm_gain(float* dg, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd, cudaStream_t stream) {
    if (!x.rows || !x.cols) return cudaSuccess;
    const dim3 grid((unsigned)ke::ceil_div<int64_t>(x.cols, kWarp)), block(kWarp, kRowsPerBlock);
    return ke::launch(drmsnorm_gain_kernel<T>, grid, block, 0, stream, dg, dy, x, rstd);
}

#define INSTANTIATE(T)                                                                                                                    \
    template cudaError_t rmsnorm(ke::Rows<T>, float*, ke::Rows<const T>, const float*, float, float, cudaStream_t);                       \
    template cudaError_t drmsnorm(ke::Rows<T>, ke::Rows<const T>, ke::Rows<const T>, const float*, const float*, float, ke::Store, cudaStream_t); \
    template cudaError_t drmsnorm_gain(float*, ke::Rows<const T>, ke::Rows<const T>, const float*, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
