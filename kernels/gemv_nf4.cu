// Decoding: up to 8 tokens times an NF4 matrix, bound by the memory that holds the codes.
//
//   y (store) x W^T + bias + s xa B^T,  W[n][k] = nf4[code] * scale[n][k / 64]        xa = x A^T
//
// x, xa fp16 or bf16, y of that type or fp32; sums fp32. The value of a code is rounded to x's type; its scale stays in fp32 and
// is applied to the sum over its 64 weights. in a multiple of 64; A and B fp32.
//
// Why tensor cores for a vector: at the bandwidth of an H100 some 30 weights a clock arrive on an SM, and expanding a code to
// a number already takes 2.6 integer instructions of the 64 lanes a clock (nf4.cuh). Converting to fp32 and multiplying on
// the ordinary units would need twice that. As rows of an mma with the tokens as its 8 columns the products cost nothing, and
// 8 tokens cost the same as one.
// Order of K: the mma sums over k in any order as long as both operands agree, so a lane takes 16 weights that are neighbours
//   in memory (8 bytes; the 4 lanes of a row one sector of 32) and not the scattered ones of the documented fragment.
// Geometry: a block makes 16, 32 or 64 rows of W (as many as still leave two blocks to a multiprocessor), its 8 warps a part of
//   K each; their sums meet in shared memory in a fixed order. Eight loads of 8 bytes a lane are under way at a time.
// Per call: out in (1/2 + 1/64) bytes, 2 T out in flops; x comes from L1 and L2, T in 2 bytes a block.
//   gemv_rank: a block per row of A, r in 4 bytes, 2 T r in flops.
// Sources: QLoRA, arXiv 2305.14314; Marlin, arXiv 2408.11743, for holding 4-bit weights as fragments.
#include "gemv_nf4.h"

#include "nf4.cuh"
#include "product.h"

namespace kernels {
namespace {
constexpr int kWarps = 8, kThreads = kWarps * 32;

template <class T, class Out> struct Args {
    ke::Rows<Out> y;
    ke::Rows<const T> x, xa;
    ke::Rows<const float> b;
    Nf4 w;
    const float* bias;
    float scale;
    ke::Store store;
};

// 16 neighbours of a row of x as 8 words
template <class T> __device__ __forceinline__ void load16(uint32_t* v, const T* p, bool vectors) {
    if (vectors) {
        const uint4 a = *(const uint4*)p, b = *(const uint4*)(p + 8);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const ke::Vec<T, 2> two = {{p[2 * i], p[2 * i + 1]}};
            v[i] = *(const uint32_t*)&two;
        }
    }
}

template <class T, class Out, int Tiles> __global__ void __launch_bounds__(kThreads, 2) gemv_nf4_kernel(const __grid_constant__ Args<T, Out> p) {
    constexpr int kRows = 16 * Tiles, kAhead = 4 / Tiles;   // steps of 64 weights whose loads go out together
    KE_SHARED(float, dynamic, [256]);
    KE_SHARED_ALIGN(16, float, part, [kWarps][kRows][kGemvTokens]);
    load_dynamic_code<kThreads>(dynamic);
    __syncthreads();
    const int warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
    const int64_t n0 = (int64_t)blockIdx.x * kRows, row_blocks = p.w.cols / kNf4Block;
    const int64_t begin = row_blocks * warp / kWarps, end = row_blocks * (warp + 1) / kWarps;
    const bool token = g < p.x.rows, vectors = p.x.aligned_for(8);

    float sum[Tiles][4] = {};
    for (int64_t step = begin; step < end; step += kAhead) {
        uint2 codes[kAhead][Tiles][2];
        RawScale raw[kAhead][Tiles][2];
        uint32_t xs[kAhead][8];
#pragma unroll
        for (int u = 0; u < kAhead; u++) {
            const bool there = step + u < end;
#pragma unroll
            for (int i = 0; i < Tiles; i++)
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const int64_t row = n0 + 16 * i + 8 * h + g, block = min(row, p.w.rows - 1) * row_blocks + step + u;
                    codes[u][i][h] = there ? *(const uint2*)(p.w.data + block * (kNf4Block / 2) + 8 * q) : make_uint2(0, 0);
                    raw[u][i][h] = there ? fetch_scale(p.w, block) : RawScale{0.f, 0};
                }
            if (there && token) load16(xs[u], p.x.row(g) + (step + u) * kNf4Block + 16 * q, vectors);
            else
#pragma unroll
                for (int i = 0; i < 8; i++) xs[u][i] = 0;   // the sum over a step that is not there is 0, whatever its scale
        }
#pragma unroll
        for (int u = 0; u < kAhead; u++)
#pragma unroll
            for (int i = 0; i < Tiles; i++) {
                float block_sum[4] = {0.f, 0.f, 0.f, 0.f};
#pragma unroll
                for (int s = 0; s < 4; s++) {   // weights 4 s .. 4 s + 3 of the lane's 16
                    uint32_t top[2], bottom[2];
                    expand4<T, true>((s < 2 ? codes[u][i][0].x : codes[u][i][0].y) >> (s % 2 * 16), top);
                    expand4<T, true>((s < 2 ? codes[u][i][1].x : codes[u][i][1].y) >> (s % 2 * 16), bottom);
                    const uint32_t a[4] = {top[0], bottom[0], top[1], bottom[1]}, b[2] = {xs[u][2 * s], xs[u][2 * s + 1]};
                    ke::mma_m16n8k16<T>(block_sum, a, b, block_sum);
                }
                const float upper = make_scale(p.w, raw[u][i][0], dynamic), lower = make_scale(p.w, raw[u][i][1], dynamic);
                sum[i][0] += upper * block_sum[0];
                sum[i][1] += upper * block_sum[1];
                sum[i][2] += lower * block_sum[2];
                sum[i][3] += lower * block_sum[3];
            }
    }
#pragma unroll
    for (int i = 0; i < Tiles; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) *(float2*)&part[warp][16 * i + 8 * h + g][2 * q] = make_float2(sum[i][2 * h], sum[i][2 * h + 1]);
    __syncthreads();
    for (int i = threadIdx.x; i < kRows * kGemvTokens; i += kThreads) {
        const int row = i / kGemvTokens, t = i % kGemvTokens;
        const int64_t n = n0 + row;
        if (n >= p.w.rows || t >= p.x.rows) continue;
        float v = 0.f;
#pragma unroll
        for (int w = 0; w < kWarps; w++) v += part[w][row][t];
        if (p.bias) v += p.bias[n];
        float low = 0.f;
        for (int64_t k = 0; k < p.xa.cols; k++) low += ke::to_float(p.xa.row(t)[k]) * p.b.row(n)[k];
        v += p.scale * low;
        Out* y = p.y.row(t) + n;
        *y = ke::from_float<Out>(p.store == ke::Store::add ? v + ke::to_float(*y) : v);
    }
}

// xa[t][j] for all t of one j
template <class T> __global__ void __launch_bounds__(kThreads) gemv_rank_kernel(ke::Rows<T> xa, ke::Rows<const T> x, ke::Rows<const float> a) {
    const float* row = a.row(blockIdx.x);
    for (int64_t t = 0; t < x.rows; t++) {
        float sum = 0.f;
        for (int64_t k = threadIdx.x; k < x.cols; k += kThreads) sum += ke::to_float(x.row(t)[k]) * row[k];
        sum = ke::block_sum<kThreads>(sum);
        if (threadIdx.x == 0) xa.row(t)[blockIdx.x] = ke::from_float<T>(sum);
    }
}
}  // namespace

template <class T, class Out>
cudaError_t gemv_nf4(ke::Rows<Out> y, ke::Rows<const T> x, const Nf4& w, ke::Store store, const float* bias, const GemvLowRank<T>* low, cudaStream_t stream) {
    if (x.rows > kGemvTokens || !w.whole_blocks()) return cudaErrorInvalidValue;
    if (!tensor_cores_take<T>()) return cudaErrorNotSupported;
    if (!x.rows || !w.rows) return cudaSuccess;
    Args<T, Out> p{y, x, {}, {}, w, bias, 0.f, store};
    if (low) {
        p.xa = low->xa;
        p.b = low->b;
        p.scale = low->scale;
    }
    const int64_t wanted = 2 * (int64_t)multiprocessors();
    auto blocks = [&](int tiles) { return ke::ceil_div<int64_t>(w.rows, 16 * tiles); };
    const int tiles = blocks(4) >= wanted ? 4 : blocks(2) >= wanted ? 2 : 1;
    auto kernel = tiles == 4 ? gemv_nf4_kernel<T, Out, 4> : tiles == 2 ? gemv_nf4_kernel<T, Out, 2> : gemv_nf4_kernel<T, Out, 1>;
    return ke::launch(kernel, dim3((unsigned)blocks(tiles)), dim3(kThreads), 0, stream, p);
}

template <class T> cudaError_t gemv_rank(ke::Rows<T> xa, ke::Rows<const T> x, ke::Rows<const float> a, cudaStream_t stream) {
    if (!x.rows || !a.rows) return cudaSuccess;
    return ke::launch(gemv_rank_kernel<T>, dim3((unsigned)a.rows), dim3(kThreads), 0, stream, xa, x, a);
}

#define INSTANTIATE(T, Out) \
    template cudaError_t gemv_nf4(ke::Rows<Out>, ke::Rows<const T>, const Nf4&, ke::Store, const float*, const GemvLowRank<T>*, cudaStream_t);
INSTANTIATE(__half, __half)
INSTANTIATE(__half, float)
INSTANTIATE(__nv_bfloat16, __nv_bfloat16)
INSTANTIATE(__nv_bfloat16, float)
#undef INSTANTIATE
template cudaError_t gemv_rank(ke::Rows<float>, ke::Rows<const float>, ke::Rows<const float>, cudaStream_t);
template cudaError_t gemv_rank(ke::Rows<__half>, ke::Rows<const __half>, ke::Rows<const float>, cudaStream_t);
template cudaError_t gemv_rank(ke::Rows<__nv_bfloat16>, ke::Rows<const __nv_bfloat16>, ke::Rows<const float>, cudaStream_t);
}  // namespace kernels
