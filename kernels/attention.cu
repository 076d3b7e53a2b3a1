// Causal attention, forward. Dao, "FlashAttention-2", arXiv 2307.08691; packed sequences, grouped query heads, window, soft cap.
//
//   s = cap tanh(scale q k^T / cap), or scale q k^T         o = softmax(s) v over the visible keys      lse = log sum exp s
//
// o, q [T, heads D], k, v [T, kv_heads D] (or the rows of a paged cache) fp32, fp16 or bf16, D = 8..256; lse [T, heads] fp32.
// Products in 16 bit (fp32 is rounded to bf16; on sm_75, which multiplies no bf16, fp32 and bf16 to fp16), sums and softmax in fp32; nothing of size T x T.
// Geometry: a block of 4 warps per 64 queries of a head, 16 each; the longest blocks start first. It walks the visible keys in
//   tiles of 64 (32 where D > 128); the copy of V's tile runs beside q k^T, that of the next K beside p v. Per row it keeps
//   the largest score m, l = sum 2^(s - m) and o, which are rescaled when m grows. q stays in registers up to D = 128.
// Shared memory: (64 + 2 tile) Dim 2 bytes, at most 64 KiB. Per call, sequences of n: reads q and, from L2, k and v once per 64
//   queries; 2 n^2 D heads flops (causal half of 4 n^2 D).
#include "attention.h"

#include "attention.cuh"

namespace kernels {
namespace {
constexpr int kWarps = 4, kThreads = 32 * kWarps, kQueries = 16 * kWarps;
template <int Dim> constexpr int kKeys = Dim > 128 ? 32 : 64;

// One tile of raw products -> weights 2^(s - m); m, l and o brought up to date. first: the tile's first key; query: position of this
// thread's first row.
template <int N, int D>
__device__ __forceinline__ void softmax_tile(float (&s)[N][4], float (&o)[D][4], float (&m)[2], float (&l)[2], int first, int query, bool masked,
                                             const AttentionShape& shape) {
    const int column = 2 * (threadIdx.x & 3);
    float most[2] = {m[0], m[1]};
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float x = score(s[n][i], shape.scale, shape.softcap) * kLog2e;
            if (masked && !visible(first + n * 8 + column + i % 2, query + i / 2 * 8, shape.window)) x = -INFINITY;
            s[n][i] = x;
            most[i / 2] = fmaxf(most[i / 2], x);
        }
#pragma unroll
    for (int half = 0; half < 2; half++) {
        most[half] = fmaxf(most[half], __shfl_xor_sync(0xffffffffu, most[half], 1));
        most[half] = fmaxf(most[half], __shfl_xor_sync(0xffffffffu, most[half], 2));
        const float base = most[half] == -INFINITY ? 0.f : most[half], shrink = ke::exp2_approx(m[half] - base);   // nothing seen yet: weights 0
        m[half] = most[half];
        float sum = 0.f;
#pragma unroll
        for (int n = 0; n < N; n++)
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++) sum += s[n][i] = ke::exp2_approx(s[n][i] - base);
        l[half] = l[half] * shrink + sum;   // of this thread's columns; the row's four threads are added at the end
#pragma unroll
        for (int n = 0; n < D; n++)
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++) o[n][i] *= shrink;
    }
}

template <class E, int Dim, bool Paged>
__global__ void __launch_bounds__(kThreads) attention_kernel(ke::Rows<E> o, ke::Rows<float> lse, ke::Rows<const E> q, ke::Rows<const E> k, ke::Rows<const E> v,
                                                             Paging paging, AttentionShape shape, bool vectors) {
    using C = typename Compute<E>::Type;
    using Tile = HeadTile<C, Dim>;
    constexpr int Keys = kKeys<Dim>;
    constexpr bool kHold = Dim <= 128;   // q in registers
    KE_DYN_SHARED(shared);
    C *qt = (C*)shared, *kt = qt + kQueries * Dim, *vt = kt + Keys * Dim;

    const int sequence = blockIdx.z, head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    const int64_t first_token = shape.cu_seqlens[sequence];
    const int queries = shape.cu_seqlens[sequence + 1] - (int)first_token, q0 = (int)(gridDim.x - 1 - blockIdx.x) * kQueries;
    if (q0 >= queries) return;   // the whole block
    const int keys = Paged ? paging.kv_lens[sequence] : queries, before = keys - queries;   // keys that come before the first query
    const int dim = shape.head_dim, q_column = head * dim, kv_column = head / (shape.heads / shape.kv_heads) * dim;
    const int end = before + min(q0 + kQueries, queries), lowest = shape.window > 0 ? max(before + q0 - shape.window + 1, 0) : 0;

    auto load = [&](C* tile, const ke::Rows<const E>& x, int first) {
        Tile::template load<Keys, kThreads>(tile, dim, vectors, x.data, [&](int r) -> const E* {
            const int key = first + r;
            if (key >= end) return nullptr;
            if constexpr (Paged) {
                const int page = paging.pages[sequence * paging.stride + key / paging.size];
                return x.row((int64_t)page * paging.size + key % paging.size) + kv_column;
            }
            return x.row(first_token + key) + kv_column;
        });
        ke::cp_async_commit();
    };
    Tile::template load<kQueries, kThreads>(qt, dim, vectors, q.data, [&](int r) { return q0 + r < queries ? q.row(first_token + q0 + r) + q_column : nullptr; });
    int first = lowest / Keys * Keys;
    load(kt, k, first);

    float acc[Dim / 8][4], m[2] = {-INFINITY, -INFINITY}, l[2] = {0.f, 0.f};
    clear(acc);
    uint32_t held[kHold ? Dim / 16 : 1][4];
    const int query = before + q0 + warp * 16 + lane / 4;
    for (bool begin = true; first < end; first += Keys, begin = false) {
        ke::cp_async_wait<0>();
        __syncthreads();   // K is there, and everyone is done with V
        load(vt, v, first);
        if (kHold && begin) {
#pragma unroll
            for (int i = 0; i < (kHold ? Dim / 16 : 1); i++) Tile::rows_a(held[i], qt, warp * 16, i);
        }
        float s[Keys / 8][4];
        clear(s);
#pragma unroll
        for (int i = 0; i < Dim / 16; i++) {
            uint32_t a[4];
            if constexpr (kHold) {
#pragma unroll
                for (int j = 0; j < 4; j++) a[j] = held[i][j];
            } else {
                Tile::rows_a(a, qt, warp * 16, i);
            }
            Tile::multiply_rows(s, a, kt, 0, i);
        }
        const int low = before + q0 + warp * 16;   // the warp's first position
        softmax_tile(s, acc, m, l, first, query, first + Keys - 1 > low || (shape.window > 0 && first <= low + 15 - shape.window), shape);
        ke::cp_async_wait<0>();
        __syncthreads();   // V is there, and everyone is done with K
        if (first + Keys < end) load(kt, k, first + Keys);
#pragma unroll
        for (int i = 0; i < Keys / 16; i++) {
            uint32_t a[4];
            accumulators_a<C>(a, s[2 * i], s[2 * i + 1]);
            Tile::multiply_columns(acc, a, vt, i * 16);
        }
    }
    // o = o / l,  lse = ln 2 (m + log2 l)
    float inverse[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        l[half] += __shfl_xor_sync(0xffffffffu, l[half], 1);
        l[half] += __shfl_xor_sync(0xffffffffu, l[half], 2);
        inverse[half] = 1.f / l[half];
        const int r = q0 + warp * 16 + lane / 4 + 8 * half;
        if (lse.data && lane % 4 == 0 && r < queries) lse.row(first_token + r)[head] = kLn2 * (m[half] + log2f(l[half]));
    }
    store_head<E>(acc, inverse, q0 + warp * 16, dim, [&](int r) { return r < queries ? o.row(first_token + r) + q_column : nullptr; });
}

template <bool Paged, class T>
cudaError_t launch(ke::Rows<T> o, ke::Rows<float> lse, ke::Rows<const T> q, ke::Rows<const T> k, ke::Rows<const T> v, const Paging& paging,
                   const AttentionShape& shape, cudaStream_t stream) {
    if (!q.rows || !shape.sequences) return cudaSuccess;
    return choose_dim(shape.head_dim, [&](auto dim) {
        const dim3 grid((unsigned)ke::ceil_div(shape.max_seqlen, kQueries), (unsigned)shape.heads, (unsigned)shape.sequences);
        return ke::launch(attention_kernel<T, dim, Paged>, grid, dim3(kThreads), (kQueries + 2 * kKeys<dim>) * dim * 2, stream, o, lse, q, k, v, paging, shape,
                          q.aligned_for(8) && k.aligned_for(8) && v.aligned_for(8));
    });
}
}  // namespace

template <class T>
cudaError_t attention(ke::Rows<T> o, ke::Rows<float> lse, ke::Rows<const T> q, ke::Rows<const T> k, ke::Rows<const T> v, const AttentionShape& shape,
                      cudaStream_t stream) {
    return launch<false>(o, lse, q, k, v, Paging{}, shape, stream);
}
template <class T>
cudaError_t attention_prefill(ke::Rows<T> o, ke::Rows<const T> q, ke::Rows<const T> kcache, ke::Rows<const T> vcache, const Paging& paging,
                              const AttentionShape& shape, cudaStream_t stream) {
    return launch<true>(o, ke::Rows<float>{}, q, kcache, vcache, paging, shape, stream);
}

#define INSTANTIATE(T)                                                                                                                                   \
    template cudaError_t attention(ke::Rows<T>, ke::Rows<float>, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const T>, const AttentionShape&, cudaStream_t); \
    template cudaError_t attention_prefill(ke::Rows<T>, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const T>, const Paging&, const AttentionShape&, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
