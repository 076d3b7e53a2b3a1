// Elementwise maps over matrices whose rows lie any stride apart.
//
//   add  y = a + b      cast  y = x      scale  y = s x      softcap  x = cap tanh(x / cap)      fill  y = value
//
// Every element fp32, fp16 or bf16, computed in fp32 and rounded once, to nearest even.
// Geometry: blocks of 256 threads, N consecutive elements per thread (16 bytes of the output type when every row of
//   every matrix is aligned for it, else 1), one-dimensional grid of rows x blocks per row; matrices without gaps
//   are taken for one long row.
// Per call, n elements of e bytes: add 3 n e bytes, scale and softcap 2 n e, cast n (e_from + e_to), fill n e; at most one
//   flop per element and a tanh.
// Soft cap: Gemma 2, arXiv 2408.00118, section 2.
#include "elementwise.h"

#include <utility>

#include "ke/ke.h"

namespace kernels {
namespace {
constexpr int kThreads = 256;

struct Add {
    __device__ float operator()(float a, float b) const { return a + b; }
};
struct Identity {
    __device__ float operator()(float x) const { return x; }
};
struct Scale {
    float s;
    __device__ float operator()(float x) const { return s * x; }
};
struct Softcap {
    float cap;
    __device__ float operator()(float x) const { return cap * tanhf(x / cap); }
};
struct Constant {
    float value;
    __device__ float operator()() const { return value; }
};

template <class F, int N, size_t... I>
__device__ __forceinline__ void apply(const F& f, float (&y)[N], const float (&x)[sizeof...(I) + 1][N], std::index_sequence<I...>) {
#pragma unroll
    for (int i = 0; i < N; i++) y[i] = f(x[I][i]...);
}

template <int N, class F, class Y, class... X>
__global__ void __launch_bounds__(kThreads) map_kernel(F f, unsigned blocks_per_row, ke::Rows<Y> y, ke::Rows<const X>... x) {
    const int64_t row = blockIdx.x / blocks_per_row, c = ((int64_t)(blockIdx.x % blocks_per_row) * kThreads + threadIdx.x) * N;
    const int64_t count = y.cols - c;
    if (count <= 0) return;
    float in[sizeof...(X) + 1][N], out[N];
    int k = 0;
    (ke::load_floats<N>(in[k++], x.row(row) + c, count), ...);
    (void)k;
    apply<F, N>(f, out, in, std::index_sequence_for<X...>());
    ke::store_floats<N>(y.row(row) + c, out, count);
}

template <int N, class F, class Y, class... X> cudaError_t launch_map(cudaStream_t stream, F f, ke::Rows<Y> y, ke::Rows<const X>... x) {
    const int64_t per_row = ke::ceil_div<int64_t>(y.cols, kThreads * N), blocks = per_row * y.rows;
    if (blocks > 2147483647) return cudaErrorInvalidConfiguration;
    return ke::launch(map_kernel<N, F, Y, X...>, dim3((unsigned)blocks), dim3(kThreads), 0, stream, f, (unsigned)per_row, y, x...);
}

template <class F, class Y, class... X> cudaError_t map(cudaStream_t stream, F f, ke::Rows<Y> y, ke::Rows<const X>... x) {
    if (!y.rows || !y.cols) return cudaSuccess;
    if (y.contiguous() && (x.contiguous() && ...) && y.rows > 1) return map(stream, f, y.flat(), x.flat()...);
    constexpr int V = ke::kVector<Y>;
    // an input of another type reads V elements in pieces of at most 16 bytes: aligned for V elements is enough
    if (y.aligned_for(V) && (x.aligned_for(V) && ...)) return launch_map<V>(stream, f, y, x...);
    return launch_map<1>(stream, f, y, x...);
}
}  // namespace

template <class T> cudaError_t add(ke::Rows<T> y, ke::Rows<const T> a, ke::Rows<const T> b, cudaStream_t stream) { return map(stream, Add(), y, a, b); }
template <class To, class From> cudaError_t cast(ke::Rows<To> y, ke::Rows<const From> x, cudaStream_t stream) { return map(stream, Identity(), y, x); }
template <class T> cudaError_t scale(ke::Rows<T> y, ke::Rows<const T> x, float s, cudaStream_t stream) { return map(stream, Scale{s}, y, x); }
template <class T> cudaError_t softcap(ke::Rows<T> x, float cap, cudaStream_t stream) { return map(stream, Softcap{cap}, x, ke::Rows<const T>(x)); }
template <class T> cudaError_t fill(ke::Rows<T> y, float value, cudaStream_t stream) { return map(stream, Constant{value}, y); }

#define INSTANTIATE(T)                                                                            \
    template cudaError_t add(ke::Rows<T>, ke::Rows<const T>, ke::Rows<const T>, cudaStream_t);    \
    template cudaError_t cast(ke::Rows<T>, ke::Rows<const float>, cudaStream_t);                  \
    template cudaError_t cast(ke::Rows<T>, ke::Rows<const __half>, cudaStream_t);                 \
    template cudaError_t cast(ke::Rows<T>, ke::Rows<const __nv_bfloat16>, cudaStream_t);          \
    template cudaError_t scale(ke::Rows<T>, ke::Rows<const T>, float, cudaStream_t);              \
    template cudaError_t softcap(ke::Rows<T>, float, cudaStream_t);                               \
    template cudaError_t fill(ke::Rows<T>, float, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
