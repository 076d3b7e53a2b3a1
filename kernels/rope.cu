// Rotary positions, q and k in one launch, in place. Su et al., "RoFormer", arXiv 2104.09864; "half" pairing.
//
//   angle_i = pos_t inv_freq_i,  i < R:   (x_i, x_{i+R}) -> (x_i cos - x_{i+R} sin, x_{i+R} cos + x_i sin) mscale
//   The gradient is the rotation back: direction -1 turns by -angle. Dims from 2R on stay.
//
// q [T, heads D], k [T, kv_heads D] fp32, fp16 or bf16; pos int32; inv_freq fp32 with every scaling folded in. All fp32.
// Geometry: a block of 128 threads per token. Sines and cosines are made once per token, kPairs at a time in shared
//   memory, and serve all heads of q and k; a thread turns N pairs, 16 bytes of each half when rows allow it, else one.
//   The accurate sincosf: positions reach 10^5 radians, where __sincosf has no digits left.
// Per call, e bytes per element: reads and writes 2 R / D of q and k once, 4 T (heads + kv_heads) R e bytes, 6 flops a pair.
#include "rope.h"

#include "ke/ke.h"

namespace kernels {
namespace {
constexpr int kThreads = 128, kPairs = 256;

// pairs [first, first + n) of every head of one row
template <int N, class T> __device__ __forceinline__ void turn(T* row, int32_t heads, int32_t head_dim, int32_t pairs, int32_t first, int32_t n, const float* cosine, const float* sine) {
    const int32_t pieces = n / N;
    for (int32_t i = threadIdx.x; i < heads * pieces; i += kThreads) {
        const int32_t head = i / pieces, p = i % pieces * N;
        T* x = row + (int64_t)head * head_dim + first + p;
        float a[N], b[N], u[N], v[N];
        ke::load_floats<N>(a, x);
        ke::load_floats<N>(b, x + pairs);
#pragma unroll
        for (int j = 0; j < N; j++) {
            const float c = cosine[p + j], s = sine[p + j];
            u[j] = a[j] * c - b[j] * s;
            v[j] = b[j] * c + a[j] * s;
        }
        ke::store_floats<N>(x, u);
        ke::store_floats<N>(x + pairs, v);
    }
}

template <class T, int N>
__global__ void __launch_bounds__(kThreads) rope_kernel(ke::Rows<T> q, ke::Rows<T> k, const int32_t* pos, int64_t pos_stride, const float* inv_freq,
                                                        int32_t pairs, int32_t head_dim, float mscale, float direction) {
    KE_SHARED(float, cosine, [kPairs]);
    KE_SHARED(float, sine, [kPairs]);
    const int64_t t = blockIdx.x;
    const float p = (float)pos[t * pos_stride];
    for (int32_t first = 0; first < pairs; first += kPairs) {
        const int32_t n = min(pairs - first, kPairs);
        __syncthreads();   // the round before has read its sines
        for (int32_t i = threadIdx.x; i < n; i += kThreads) {
            float s, c;
            sincosf(p * inv_freq[first + i], &s, &c);
            cosine[i] = c * mscale;
            sine[i] = s * mscale * direction;
        }
        __syncthreads();
        turn<N>(q.row(t), (int32_t)(q.cols / head_dim), head_dim, pairs, first, n, cosine, sine);
        if (k.data) turn<N>(k.row(t), (int32_t)(k.cols / head_dim), head_dim, pairs, first, n, cosine, sine);
    }
}
}  // namespace

template <class T>
cudaError_t rope(ke::Rows<T> q, ke::Rows<T> k, const int32_t* pos, int64_t pos_stride, const float* inv_freq, int32_t pairs, int32_t head_dim,
                 float mscale, int32_t direction, cudaStream_t stream) {
    if (!q.rows || !pairs) return cudaSuccess;
    constexpr int V = ke::kVector<T>;
    const bool vectors = q.aligned_for(V) && (!k.data || k.aligned_for(V)) && pairs % V == 0 && head_dim % V == 0;
    auto kernel = vectors ? rope_kernel<T, V> : rope_kernel<T, 1>;
    return ke::launch(kernel, dim3((unsigned)q.rows), dim3(kThreads), 0, stream, q, k, pos, pos_stride, inv_freq, pairs, head_dim, mscale, (float)direction);
}

#define INSTANTIATE(T) \
    template cudaError_t rope(ke::Rows<T>, ke::Rows<T>, const int32_t*, int64_t, const float*, int32_t, int32_t, float, int32_t, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
