// The gradient's norm, and AdamW over one buffer of all trainable tensors. Loshchilov and Hutter, arXiv 1711.05101; 8-bit
// states: Dettmers et al., arXiv 2110.02861.
//
//   norm       sqrt(sum (g scale)^2) in fp64, and how many g scale are not finite
//   adamw      g' = g grad_scale min(1, clip / (norm + 1e-6))
//              m = m + (1 - beta1) (g' - m)         v = beta2 v + (1 - beta2) g'^2
//              w = w (1 - lr wd) - lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
//   8 bit      m = signed_code[i] absmax, v = unsigned_code[i] absmax per block of 256; back: the nearest entry of the code to
//              x / absmax, the lower one when two are equally near; the first moment keeps its sign through the rounding
//
// Everything fp32 but the codes. Clipping and the skip of a bad step are decided here from norm, so that no step waits for the host.
// Geometry: norm up to kNormParts blocks of 256 threads, each element always in the same thread, then one block adds the parts in
//   order. adamw 4 elements a thread; 8 bit a warp per block of 256, 8 elements a lane, codes in shared memory.
// Per call of n elements: norm reads 4 n bytes, 2 n flops; adamw reads 16 n and writes 12 n bytes, 8 bit reads 10 n and writes 6 n;
//   about 15 n flops, 8 bit 60 n.
#include "optimizer.h"

#include "nf4.cuh"

namespace kernels {
namespace {
constexpr int kThreads = 256, kWarps = kThreads / 32, kLaneElements = kStateBlock / 32;

__device__ __forceinline__ NormPart add(NormPart a, NormPart b) { return {a.squares + b.squares, a.wild + b.wild}; }

// The sum over the block, in thread 0; one fixed order.
__device__ __forceinline__ NormPart block_sum(NormPart v) {
    KE_SHARED(double, squares, [kWarps]);
    KE_SHARED(int64_t, wild, [kWarps]);
    auto warp_sum = [](NormPart p) {
#pragma unroll
        for (int o = 16; o; o >>= 1)
            p = add(p, {__shfl_xor_sync(0xffffffffu, p.squares, o), (int64_t)__shfl_xor_sync(0xffffffffu, (long long)p.wild, o)});
        return p;
    };
    v = warp_sum(v);
    if (threadIdx.x % 32 == 0) {
        squares[threadIdx.x / 32] = v.squares;
        wild[threadIdx.x / 32] = v.wild;
    }
    __syncthreads();
    const int lane = threadIdx.x & 31;
    return warp_sum(lane < kWarps ? NormPart{squares[lane], wild[lane]} : NormPart{0.0, 0});
}

template <int N> __global__ void __launch_bounds__(kThreads) norm_parts_kernel(NormPart* parts, ke::Rows<const float> g, float scale) {
    const int64_t per_row = ke::ceil_div<int64_t>(g.cols, N), pieces = per_row * g.rows;
    NormPart sum{0.0, 0};
    for (int64_t i = (int64_t)blockIdx.x * kThreads + threadIdx.x; i < pieces; i += (int64_t)gridDim.x * kThreads) {
        const int64_t row = g.rows == 1 ? 0 : i / per_row, c = (i - row * per_row) * N;
        float x[N];
        ke::load_floats<N>(x, g.row(row) + c, g.cols - c);
#pragma unroll
        for (int j = 0; j < N; j++) {
            const float y = x[j] * scale;
            sum.squares += (double)y * (double)y;
            sum.wild += (__float_as_uint(y) & 0x7f800000u) == 0x7f800000u;
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
__global__ void __launch_bounds__(kThreads) norm_kernel(float* norm, const NormPart* parts, int count) {
    NormPart sum{0.0, 0};
    for (int i = threadIdx.x; i < count; i += kThreads) sum = add(sum, parts[i]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        norm[0] = (float)sqrt(sum.squares);
        norm[1] = (float)sum.wild;
    }
}

// An update with all that the host can work out.
struct Coefficients {
    float keep;        // 1 - lr wd
    float beta2, rest1, rest2;
    float rate;        // lr / (1 - beta1^step)
    float correction2; // sqrt(1 - beta2^step)
    float eps, clip, grad_scale;
};
Coefficients coefficients(const AdamwUpdate& u) {
    const double b1 = u.beta1, b2 = u.beta2;
    return {(float)(1.0 - (double)u.lr * u.weight_decay), u.beta2, (float)(1.0 - b1), (float)(1.0 - b2), (float)(u.lr / (1.0 - std::pow(b1, u.step))),
            (float)std::sqrt(1.0 - std::pow(b2, u.step)), u.eps, u.clip, u.grad_scale};
}
__device__ __forceinline__ bool usable(const float* norm) { return norm[1] == 0.f && norm[0] <= 3.402823466e38f; }
__device__ __forceinline__ float gradient_scale(const Coefficients& u, float norm) {
    const float c = u.clip > 0.f ? u.clip / (norm + 1e-6f) : 1.f;
    return u.grad_scale * (c < 1.f ? c : 1.f);
}
__device__ __forceinline__ void update_element(const Coefficients& u, float& w, float& m, float& v, float g) {
    m += (g - m) * u.rest1;
    v = v * u.beta2 + g * g * u.rest2;
    w = w * u.keep - u.rate * (m / (sqrtf(v) / u.correction2 + u.eps));
}

__global__ void __launch_bounds__(kThreads) adamw_kernel(float* param, const float* grad, float* m, float* v, const float* norm, int64_t n, Coefficients u) {
    constexpr int N = 4;
    const int64_t i = ((int64_t)blockIdx.x * kThreads + threadIdx.x) * N;
    if (i >= n || !usable(norm)) return;
    const float scale = gradient_scale(u, norm[0]);
    float w[N], g[N], a[N], b[N];
    ke::load_floats<N>(w, param + i);
    ke::load_floats<N>(g, grad + i);
    ke::load_floats<N>(a, m + i);
    ke::load_floats<N>(b, v + i);
#pragma unroll
    for (int j = 0; j < N; j++) update_element(u, w[j], a[j], b[j], g[j] * scale);
    ke::store_floats<N>(param + i, w);
    ke::store_floats<N>(m + i, a);
    ke::store_floats<N>(v + i, b);
}

// As the signed code of nf4.cuh, but decade d has 2^(d+1) values, all of them positive.
constexpr DynamicCode make_unsigned_code() {
    constexpr float decade[7] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    DynamicCode code{};
    int n = 0;
    code.at[n++] = 0.0f;
    for (int d = 0; d < 7; d++)
        for (int i = 0; i < 2 << d; i++) {
            const int points = (2 << d) + 1;
            code.at[n++] = decade[d] * ((dynamic_boundary(i, points) + dynamic_boundary(i + 1, points)) / 2.0f);
        }
    code.at[n] = 1.0f;
    return code;
}
static __device__ const DynamicCode kUnsignedCode = make_unsigned_code();

// x of the whole warp's block as codes; returns the block's scale.
template <bool Signed> __device__ __forceinline__ float encode(ke::Vec<uint8_t, kLaneElements>& codes, const float (&x)[kLaneElements], const float* code) {
    float most = 0.f;
#pragma unroll
    for (int j = 0; j < kLaneElements; j++) most = fmaxf(most, fabsf(x[j]));
    most = ke::warp_max(most);
    const float inverse = most > 0.f ? 1.f / most : 0.f;
#pragma unroll
    for (int j = 0; j < kLaneElements; j++) {
        const float y = x[j] * inverse;
        int i = 0;   // the last entry that is not above y, or the first
#pragma unroll
        for (int step = 128; step > 0; step /= 2) i += code[i + step] <= y ? step : 0;
        const int up = i < 255 ? i + 1 : 255;
        if (code[up] - y < y - code[i]) i = up;
        if constexpr (Signed) {
            if (x[j] > 0.f && code[i] < 0.f) i++;
            else if (x[j] < 0.f && code[i] > 0.f) i--;
        }
        codes.at[j] = (uint8_t)i;
    }
    return most;
}

__global__ void __launch_bounds__(kThreads) adamw_8bit_kernel(float* param, const float* grad, uint8_t* m, uint8_t* v, float* m_absmax, float* v_absmax, const float* norm,
                                                              int64_t blocks, Coefficients u) {
    constexpr int N = kLaneElements;
    KE_SHARED(float, signed_code, [256]);
    KE_SHARED(float, unsigned_code, [256]);
    load_dynamic_code<kThreads>(signed_code);
    unsigned_code[threadIdx.x] = kUnsignedCode.at[threadIdx.x];
    __syncthreads();
    if (!usable(norm)) return;
    const float scale = gradient_scale(u, norm[0]);
    const int lane = threadIdx.x & 31;
    for (int64_t block = (int64_t)blockIdx.x * kWarps + threadIdx.x / 32; block < blocks; block += (int64_t)gridDim.x * kWarps) {
        const int64_t i = block * kStateBlock + lane * N;
        const float m_scale = m_absmax[block], v_scale = v_absmax[block];
        ke::Vec<uint8_t, N> mc = ke::load_vec<N>(m + i), vc = ke::load_vec<N>(v + i);
        float w[N], g[N], a[N], b[N];
        ke::load_floats<N>(w, param + i);
        ke::load_floats<N>(g, grad + i);
#pragma unroll
        for (int j = 0; j < N; j++) {
            a[j] = signed_code[mc.at[j]] * m_scale;
            b[j] = unsigned_code[vc.at[j]] * v_scale;
            update_element(u, w[j], a[j], b[j], g[j] * scale);
        }
        ke::store_floats<N>(param + i, w);
        const float new_m = encode<true>(mc, a, signed_code), new_v = encode<false>(vc, b, unsigned_code);
        ke::store_vec<N>(m + i, mc);
        ke::store_vec<N>(v + i, vc);
        __syncwarp();   // all lanes have read the scales
        if (lane == 0) {
            m_absmax[block] = new_m;
            v_absmax[block] = new_v;
        }
    }
}
}  // namespace

cudaError_t grad_norm(float* norm, NormPart* scratch, ke::Rows<const float> g, float scale, cudaStream_t stream) {
    if (g.contiguous()) g = g.flat();
    const bool vectors = g.aligned_for(4);
    const int64_t groups = ke::ceil_div<int64_t>(ke::ceil_div<int64_t>(g.cols, vectors ? 4 : 1) * g.rows, kThreads);
    const int parts = (int)(groups < kNormParts ? groups : kNormParts);   // by the shape alone
    if (parts) {
        const cudaError_t e = ke::launch(vectors ? norm_parts_kernel<4> : norm_parts_kernel<1>, dim3((unsigned)parts), dim3(kThreads), 0, stream, scratch, g, scale);
        if (e != cudaSuccess) return e;
    }
    return ke::launch(norm_kernel, dim3(1), dim3(kThreads), 0, stream, norm, scratch, parts);
}

cudaError_t adamw(float* param, const float* grad, float* m, float* v, const float* norm, int64_t n, const AdamwUpdate& update, cudaStream_t stream) {
    if (!n) return cudaSuccess;
    return ke::launch(adamw_kernel, dim3((unsigned)ke::ceil_div<int64_t>(n, 4 * kThreads)), dim3(kThreads), 0, stream, param, grad, m, v, norm, n, coefficients(update));
}
cudaError_t adamw_8bit(float* param, const float* grad, uint8_t* m, uint8_t* v, float* m_absmax, float* v_absmax, const float* norm, int64_t n,
                       const AdamwUpdate& update, cudaStream_t stream) {
    if (!n) return cudaSuccess;
    const int64_t blocks = n / kStateBlock, groups = ke::ceil_div<int64_t>(blocks, kWarps);
    return ke::launch(adamw_8bit_kernel, dim3((unsigned)(groups < 4096 ? groups : 4096)), dim3(kThreads), 0, stream, param, grad, m, v, m_absmax, v_absmax, norm, blocks,
                      coefficients(update));
}
}  // namespace kernels
