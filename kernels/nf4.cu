// NF4 with double quantization, bit-equal to bitsandbytes. Dettmers et al., "QLoRA", arXiv 2305.14314.
//
//   quantize    per 64 weights of the flattened matrix: s = max |x|, code = number of midpoints < clamp(x (1 / s), -1, 1)
//   scales      offset = mean(s); per 256 scales: n = max |s - offset|, code = the entry of the dynamic code nearest to
//               (s - offset) (1 / n), the lower one when two are equally near
//   dequantize  nf4[code] * scale, one rounding to the type of y
//
// x, y [R, C] fp32, fp16 or bf16, any row stride and any C (blocks run across rows); formats in nf4.cuh. A block of zeros
// has scale 0 and codes 7; NaN anywhere in a block makes its scale NaN.
// Geometry: quantize a warp per 64 weights, two each; mean one warp (below); scales 256 threads per 256 scales; dequantize
//   8 weights a thread when rows allow it, else one.
// Per call of n = R C weights of e bytes: quantize reads n e and writes n/2 + n/16 bytes; scales read and write n/16 + n/64;
//   dequantize reads n/2 + n/64 and writes n e. About 20 flops a weight to quantize, 1 to dequantize: all bound by memory.
#include "nf4.cuh"

namespace kernels {
namespace {
constexpr int kThreads = 256, kWarps = kThreads / 32;

// NaN wins
__device__ __forceinline__ float larger(float a, float b) { return b > a || b != b ? b : a; }
__device__ __forceinline__ float warp_largest(float v) {
#pragma unroll
    for (int o = 16; o; o >>= 1) v = larger(v, __shfl_xor_sync(0xffffffffu, v, o));
    return v;
}

__device__ __forceinline__ uint32_t nf4_code(float x) {
    uint32_t code = 0;
#pragma unroll
    for (int i = 0; i < 15; i++) code += kNf4Table.midpoint[i] < x;
    return code;
}

template <class T> __global__ void __launch_bounds__(kThreads) nf4_quantize_kernel(uint8_t* data, float* absmax, ke::Rows<const T> x) {
    const int64_t n = x.rows * x.cols, block = (int64_t)blockIdx.x * kWarps + threadIdx.x / 32, i = block * kNf4Block + 2 * (threadIdx.x % 32);
    if (block * kNf4Block >= n) return;   // a whole warp, and there is no barrier below
    float v[2];
#pragma unroll
    for (int j = 0; j < 2; j++) v[j] = i + j < n ? ke::to_float(x.row((i + j) / x.cols)[(i + j) % x.cols]) : 0.f;
    const float most = warp_largest(larger(fabsf(v[0]), fabsf(v[1]))), inverse = 1.0f / most;
    if (threadIdx.x % 32 == 0) absmax[block] = most;
    uint32_t code[2];
#pragma unroll
    for (int j = 0; j < 2; j++) {
        const float u = most > 0.f ? __fmul_rn(v[j], inverse) : 0.f;
        code[j] = nf4_code(u > 1.f ? 1.f : u < -1.f ? -1.f : u);
    }
    if (i < n) data[i / 2] = (uint8_t)(code[0] << 4 | code[1]);   // the spare nibble of an odd end holds the code of 0
}

// The mean that bitsandbytes takes is PyTorch's CPU sum of a contiguous fp32 tensor on one thread, whose order shows in the
// last bit: four accumulators of eight lanes, which are the 32 lanes here, cascaded over four levels. A warp, so that the
// bits are the same; 2^20 scales (a matrix of 64 million weights) take about 2^15 additions in a row.
__global__ void __launch_bounds__(32) nf4_mean_kernel(float* mean, const float* x, int64_t n) {
    constexpr int kVector = 8, kLevels = 4;
    const int lane = threadIdx.x;
    const int64_t vectors = n / kVector, rounds = vectors / 4;
    int log = 0;
    while (((int64_t)1 << log) < rounds) log++;
    const int power = log / kLevels > 4 ? log / kLevels : 4;
    const int64_t step = (int64_t)1 << power;
    float level[kLevels] = {};
    int64_t i = 0;
    while (i + step <= rounds) {
        for (int64_t j = 0; j < step; j += 16) {   // step is a multiple of 16: the loads of a group go out together
            float v[16];
#pragma unroll
            for (int u = 0; u < 16; u++) v[u] = x[(i + j + u) * 32 + lane];
#pragma unroll
            for (int u = 0; u < 16; u++) level[0] += v[u];
        }
        i += step;
#pragma unroll
        for (int l = 1; l < kLevels; l++) {
            level[l] += level[l - 1];
            level[l - 1] = 0.f;
            if (i & (step - 1) << (l * power)) break;
        }
    }
    for (; i < rounds; i++) level[0] += x[i * 32 + lane];
#pragma unroll
    for (int l = 1; l < kLevels; l++) level[0] += level[l];
    float sum = level[0];
    for (int64_t v = rounds * 4; v < vectors; v++)   // vectors left over go to the first accumulator
        if (lane < kVector) sum += x[v * kVector + lane];
    float total = sum;
    for (int way = 1; way < 4; way++) total += __shfl_sync(0xffffffffu, sum, way * kVector + lane % kVector);
    float result = 0.f;
    for (int64_t k = vectors * kVector; k < n; k++) result += x[k];
    for (int l = 0; l < kVector; l++) result += __shfl_sync(0xffffffffu, total, l);
    if (lane == 0) mean[0] = result / (float)n;
}

__global__ void __launch_bounds__(kNf4Nested) nf4_quantize_scales_kernel(uint8_t* codes, float* nested_absmax, const float* mean, const float* absmax, int64_t blocks) {
    KE_SHARED(float, dynamic, [256]);
    KE_SHARED(float, partial, [kNf4Nested / 32]);
    load_dynamic_code<kNf4Nested>(dynamic);
    const int64_t i = (int64_t)blockIdx.x * kNf4Nested + threadIdx.x;
    const float centred = i < blocks ? absmax[i] - mean[0] : 0.f;
    const float warp = warp_largest(fabsf(centred));
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = warp;
    __syncthreads();
    float most = partial[0];
    for (int w = 1; w < kNf4Nested / 32; w++) most = larger(most, partial[w]);
    if (threadIdx.x == 0) nested_absmax[blockIdx.x] = most;
    if (i >= blocks) return;
    const float x = most > 0.f ? __fmul_rn(centred, 1.0f / most) : 0.f;
    int low = 0;   // the last entry that is not above x, or the first
    for (int step = 128; step > 0; step /= 2)
        if (dynamic[low + step] <= x) low += step;
    if (low < 255 && dynamic[low + 1] - x < x - dynamic[low]) low++;
    codes[i] = (uint8_t)low;
}

// Vector weights a thread; a table of 16 words in shared memory has no bank conflicts, whatever the codes.
template <class T, int Vector> __global__ void __launch_bounds__(kThreads) nf4_dequantize_kernel(ke::Rows<T> y, Nf4 w, int64_t row0) {
    KE_SHARED(float, dynamic, [256]);
    KE_SHARED(float, table, [16]);
    load_dynamic_code<kThreads>(dynamic);
    if (threadIdx.x < 16) table[threadIdx.x] = kNf4Table.value[threadIdx.x];
    __syncthreads();
    const int64_t at = ((int64_t)blockIdx.x * kThreads + threadIdx.x) * Vector;
    if (at >= y.rows * y.cols) return;
    const int64_t i = row0 * y.cols + at;
    const float scale = make_scale(w, fetch_scale(w, i / kNf4Block), dynamic);
    T* out = y.row(at / y.cols) + at % y.cols;
    if constexpr (Vector == 1) {
        const uint32_t byte = w.data[i / 2];
        out[0] = ke::from_float<T>(table[i % 2 ? byte & 15 : byte >> 4] * scale);
    } else {
        const ke::Vec<uint8_t, Vector / 2> packed = ke::load_vec<Vector / 2>(w.data + i / 2);
        float v[Vector];
#pragma unroll
        for (int j = 0; j < Vector / 2; j++) {
            v[2 * j] = table[packed.at[j] >> 4] * scale;
            v[2 * j + 1] = table[packed.at[j] & 15] * scale;
        }
        ke::store_floats<Vector>(out, v);
    }
}
}  // namespace

template <class T> cudaError_t nf4_quantize(uint8_t* data, float* absmax, ke::Rows<const T> x, cudaStream_t stream) {
    const int64_t blocks = ke::ceil_div<int64_t>(x.rows * x.cols, kNf4Block);
    if (!blocks) return cudaSuccess;
    return ke::launch(nf4_quantize_kernel<T>, dim3((unsigned)ke::ceil_div<int64_t>(blocks, kWarps)), dim3(kThreads), 0, stream, data, absmax, x);
}

cudaError_t nf4_quantize_scales(uint8_t* codes, float* nested_absmax, float* offset, const float* absmax, int64_t blocks, cudaStream_t stream) {
    if (!blocks) return cudaSuccess;
    if (cudaError_t e = ke::launch(nf4_mean_kernel, dim3(1), dim3(32), 0, stream, offset, absmax, blocks)) return e;
    return ke::launch(nf4_quantize_scales_kernel, dim3((unsigned)ke::ceil_div<int64_t>(blocks, kNf4Nested)), dim3(kNf4Nested), 0, stream, codes, nested_absmax, offset,
                      absmax, blocks);
}

template <class T> cudaError_t nf4_dequantize(ke::Rows<T> y, const Nf4& w, int64_t row0, cudaStream_t stream) {
    const int64_t n = y.rows * y.cols;
    if (!n) return cudaSuccess;
    constexpr int V = 8;
    const bool vectors = y.cols % V == 0 && y.aligned_for(ke::kVector<T>) && (uintptr_t)w.data % (V / 2) == 0;
    const dim3 grid((unsigned)ke::ceil_div<int64_t>(n, kThreads * (vectors ? V : 1)));
    return ke::launch(vectors ? nf4_dequantize_kernel<T, V> : nf4_dequantize_kernel<T, 1>, grid, dim3(kThreads), 0, stream, y, w, row0);
}

#define INSTANTIATE(T)                                                                          \
    template cudaError_t nf4_quantize(uint8_t*, float*, ke::Rows<const T>, cudaStream_t);        \
    template cudaError_t nf4_dequantize(ke::Rows<T>, const Nf4&, int64_t, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
