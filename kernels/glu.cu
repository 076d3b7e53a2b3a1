// Gated activations. Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.
//
//   forward    y = act(g) u
//   backward   dg = dy u act'(g)      du = dy act(g)
//   silu       act(g) = g s,  act'(g) = s (1 + g (1 - s)),  s = sigmoid(g)
//   gelu_tanh  act(g) = g/2 (1 + tanh w) = g s,  act'(g) = s + 2 g s (1 - s) w',  s = sigmoid(2 w),  w = sqrt(2/pi) (g + 0.044715 g^3):
//              the sigmoid keeps the digits that 1 + tanh loses
//
// All matrices [T, F] of one type, fp32, fp16 or bf16, rows any stride apart; computed in fp32, rounded once.
// Geometry: blocks of 256 threads, N consecutive elements per thread (16 bytes when every row of every matrix is aligned
//   for it, else 1); matrices without gaps are taken for one long row. A thread reads all it needs before it writes, so
//   that the backward pass may overwrite its inputs.
// Per call, n elements of e bytes: forward 3 n e bytes, about 8 n flops; backward 5 n e, about 15 n.
#include "glu.h"

#include "ke/ke.h"

namespace kernels {
namespace {
constexpr int kThreads = 256;

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + __expf(-x)); }

struct Activation {
    float value, slope;
};
template <Gate A> __device__ __forceinline__ Activation activate(float g) {
    if constexpr (A == Gate::silu) {
        const float s = sigmoid(g);
        return {g * s, s * (1.0f + g * (1.0f - s))};
    } else {
        constexpr float a = 0.79788456080286536f, b = 0.044715f;
        const float square = g * g, s = sigmoid(2.0f * a * g * (1.0f + b * square)), dw = a * (1.0f + 3.0f * b * square);
        // far out s (1 - s) is 0 and w' may be infinite
        const float inner = s * (1.0f - s);
        return {g * s, s + (inner > 0.f ? 2.0f * g * inner * dw : 0.f)};
    }
}

template <class T, int N, Gate A> __global__ void __launch_bounds__(kThreads) glu_kernel(unsigned blocks_per_row, ke::Rows<T> y, ke::Rows<const T> gate, ke::Rows<const T> up) {
    const int64_t row = blockIdx.x / blocks_per_row, c = ((int64_t)(blockIdx.x % blocks_per_row) * kThreads + threadIdx.x) * N, count = y.cols - c;
    if (count <= 0) return;
    float g[N], u[N];
    ke::load_floats<N>(g, gate.row(row) + c, count);
    ke::load_floats<N>(u, up.row(row) + c, count);
#pragma unroll
    for (int i = 0; i < N; i++) u[i] *= activate<A>(g[i]).value;
    ke::store_floats<N>(y.row(row) + c, u, count);
}

template <class T, int N, Gate A>
__global__ void __launch_bounds__(kThreads) dglu_kernel(unsigned blocks_per_row, ke::Rows<T> dgate, ke::Rows<T> dup, ke::Rows<const T> dy, ke::Rows<const T> gate,
                                                        ke::Rows<const T> up) {
    const int64_t row = blockIdx.x / blocks_per_row, c = ((int64_t)(blockIdx.x % blocks_per_row) * kThreads + threadIdx.x) * N, count = dy.cols - c;
    if (count <= 0) return;
    float d[N], g[N], u[N];
    ke::load_floats<N>(d, dy.row(row) + c, count);
    ke::load_floats<N>(g, gate.row(row) + c, count);
    ke::load_floats<N>(u, up.row(row) + c, count);
#pragma unroll
    for (int i = 0; i < N; i++) {
        const Activation a = activate<A>(g[i]);
        g[i] = d[i] * u[i] * a.slope;
        u[i] = d[i] * a.value;
    }
    ke::store_floats<N>(dgate.row(row) + c, g, count);
    ke::store_floats<N>(dup.row(row) + c, u, count);
}

// launch(N, grid, blocks per row) for a matrix of this shape
template <class T, class F> cudaError_t choose(int64_t rows, int64_t cols, bool vectors, F launch) {
    const int64_t per_row = ke::ceil_div<int64_t>(cols, kThreads * (vectors ? ke::kVector<T> : 1));
    if (per_row * rows > 2147483647) return cudaErrorInvalidConfiguration;
    const dim3 grid((unsigned)(per_row * rows));
    return vectors ? launch(std::integral_constant<int, ke::kVector<T>>(), grid, (unsigned)per_row) : launch(std::integral_constant<int, 1>(), grid, (unsigned)per_row);
}
}  // namespace

template <class T> cudaError_t glu(ke::Rows<T> y, ke::Rows<const T> gate, ke::Rows<const T> up, Gate act, cudaStream_t stream) {
    if (!y.rows || !y.cols) return cudaSuccess;
    if (y.contiguous() && gate.contiguous() && up.contiguous()) y = y.flat(), gate = gate.flat(), up = up.flat();
    constexpr int V = ke::kVector<T>;
    return choose<T>(y.rows, y.cols, y.aligned_for(V) && gate.aligned_for(V) && up.aligned_for(V), [&](auto n, dim3 grid, unsigned per_row) {
        auto kernel = act == Gate::silu ? glu_kernel<T, n, Gate::silu> : glu_kernel<T, n, Gate::gelu_tanh>;
        return ke::launch(kernel, grid, dim3(kThreads), 0, stream, per_row, y, gate, up);
    });
}

template <class T>
cudaError_t dglu(ke::Rows<T> dgate, ke::Rows<T> dup, ke::Rows<const T> dy, ke::Rows<const T> gate, ke::Rows<const T> up, Gate act, cudaStream_t stream) {
    if (!dy.rows || !dy.cols) return cudaSuccess;
    if (dgate.contiguous() && dup.contiguous() && dy.contiguous() && gate.contiguous() && up.contiguous())
        dgate = dgate.flat(), dup = dup.flat(), dy = dy.flat(), gate = gate.flat(), up = up.flat();
    constexpr int V = ke::kVector<T>;
    const bool vectors = dgate.aligned_for(V) && dup.aligned_for(V) && dy.aligned_for(V) && gate.aligned_for(V) && up.aligned_for(V);
    return choose<T>(dy.rows, dy.cols, vectors, [&](auto n, dim3 grid, unsigned per_row) {
        auto kernel = act == Gate::silu ? dglu_kernel<T, n, Gate::silu> : dglu_kernel<T, n, Gate::gelu_tanh>;
        return ke::launch(kernel, grid, dim3(kThreads), 0, stream, per_row, dgate, dup, dy, gate, up);
    });
}

#define INSTANTIATE(T)                                                                                          \
    template cudaError_t glu(ke::Rows<T>, ke::Rows<const T>, ke::Rows<const T>, Gate, cudaStream_t);            \
    template cudaError_t dglu(ke::Rows<T>, ke::Rows<T>, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const T>, Gate, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
