// Attention over a paged cache for decoding: few queries a sequence, many keys, keys cut over blocks ("split-K").
// Dao et al., "Flash-Decoding" (2023); pages: Kwon et al., "PagedAttention", arXiv 2309.06180.
//
//   s = cap tanh(scale q k^T / cap), or scale q k^T       o = softmax(s) v over the visible keys
//
// o, q [T, heads D], caches [rows, kv_heads D] fp32, fp16 or bf16, D = 8..256; types of arithmetic as in attention.cu.
// Geometry: a block of 4 warps (2 where D > 128) per piece of keys, kv head and sequence. The query heads that share the kv head are
//   stacked into the 16 rows of one mma tile, so that a key is read once for all of them; more than 16 are taken in turn. The
//   block walks its keys in tiles of 16 a warp, and every warp does its own 16 keys for all rows, copies of V beside q k^T, of
//   the next K beside p v. The warps' (m, l, o) are combined in the order of the warps, the pieces' in the order of the pieces.
// Shared memory: at most 40 KiB. Per call: reads every visible key and value once, sum over sequences of 2 keys kv_heads D e
//   bytes, and that is its cost; 4 keys heads D flops; scratch of splits (D + 2) floats a query head is written and read.
#include "paged_attention.h"

#include "attention.cuh"

namespace kernels {
namespace {
template <int Dim> constexpr int kWarps = Dim > 128 ? 2 : 4;
template <int Dim> constexpr int kThreads = 32 * kWarps<Dim>;
template <int Dim> constexpr int kKeys = 16 * kWarps<Dim>;
constexpr int kRows = 16;

// scratch: o of piece p of query head i (of T heads) at (i splits + p) dim, then m and l, 2 a piece
struct Pieces {
    float *o, *ml;
    int32_t splits;
};
__host__ __device__ inline Pieces pieces(float* scratch, int64_t query_heads, int32_t splits, int32_t dim) {
    return {scratch, scratch + query_heads * splits * dim, splits};
}

template <class E, int Dim>
__global__ void __launch_bounds__(kThreads<Dim>) paged_attention_kernel(ke::Rows<E> o, Pieces out, ke::Rows<const E> q, ke::Rows<const E> kcache, ke::Rows<const E> vcache,
                                                                        Paging paging, AttentionShape shape, bool vectors) {
    using C = typename Compute<E>::Type;
    using Tile = HeadTile<C, Dim>;
    constexpr int Warps = kWarps<Dim>, Threads = kThreads<Dim>, Keys = kKeys<Dim>;
    KE_DYN_SHARED(shared);
    C *qt = (C*)shared, *kt = qt + kRows * Dim, *vt = kt + Keys * Dim;
    float* partial = (float*)kt;   // [Warps][kRows][Dim], over both tiles, when all keys are done
    KE_SHARED(float, warp_m, [Warps][kRows]);
    KE_SHARED(float, warp_l, [Warps][kRows]);

    const int sequence = blockIdx.z, kv_head = blockIdx.y, piece = blockIdx.x, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    const int64_t first_token = shape.cu_seqlens[sequence];
    const int queries = shape.cu_seqlens[sequence + 1] - (int)first_token, keys = paging.kv_lens[sequence], before = keys - queries;
    const int dim = shape.head_dim, group = shape.heads / shape.kv_heads, kv_column = kv_head * dim, stacked = queries * group;
    auto token = [&](int r) { return first_token + r / group; };
    auto head = [&](int r) { return kv_head * group + r % group; };

    for (int r0 = 0; r0 < stacked; r0 += kRows) {
        // keys that any of these rows sees, whole tiles of them dealt to the pieces
        const int rows = min(stacked - r0, kRows), end = before + (r0 + rows - 1) / group + 1;
        const int lowest = shape.window > 0 ? max(before + r0 / group - shape.window + 1, 0) / Keys : 0, tiles = ke::ceil_div(end, Keys) - lowest;
        const int share = ke::ceil_div(tiles, (int)gridDim.x), first_tile = lowest + min(piece * share, tiles), last_tile = lowest + min((piece + 1) * share, tiles);
        auto load = [&](C* tile, const ke::Rows<const E>& x, int first) {
            Tile::template load<Keys, Threads>(tile, dim, vectors, x.data, [&](int r) -> const E* {
                const int key = first + r;
                if (key >= end) return nullptr;
                return x.row((int64_t)paging.pages[sequence * paging.stride + key / paging.size] * paging.size + key % paging.size) + kv_column;
            });
            ke::cp_async_commit();
        };
        __syncthreads();   // the rows before have left the tiles
        Tile::template load<kRows, Threads>(qt, dim, vectors, q.data, [&](int r) { return r < rows ? q.row(token(r0 + r)) + head(r0 + r) * dim : nullptr; });
        if (first_tile < last_tile) load(kt, kcache, first_tile * Keys);
        else ke::cp_async_commit();

        float acc[Dim / 8][4], m[2] = {-INFINITY, -INFINITY}, l[2] = {0.f, 0.f};
        clear(acc);
        for (int tile = first_tile; tile < last_tile; tile++) {
            ke::cp_async_wait<0>();
            __syncthreads();   // K is there, and everyone is done with V
            load(vt, vcache, tile * Keys);
            float s[2][4];
            clear(s);
            uint32_t a[4];
#pragma unroll
            for (int i = 0; i < Dim / 16; i++) {
                Tile::rows_a(a, qt, 0, i);
                Tile::multiply_rows(s, a, kt, warp * 16, i);
            }
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int r = lane / 4 + 8 * half, query = before + (r0 + min(r, rows - 1)) / group;
                float most = m[half];
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float& x = s[i / 2][2 * half + i % 2];
                    const int key = tile * Keys + warp * 16 + i / 2 * 8 + 2 * (lane % 4) + i % 2;
                    x = visible(key, query, shape.window) ? score(x, shape.scale, shape.softcap) * kLog2e : -INFINITY;
                    most = fmaxf(most, x);
                }
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
                const float base = most == -INFINITY ? 0.f : most, shrink = ke::exp2_approx(m[half] - base);
                m[half] = most;
                float sum = 0.f;
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float& x = s[i / 2][2 * half + i % 2];
                    x = ke::exp2_approx(x - base);
                    sum += x;
                }
                l[half] = l[half] * shrink + sum;
#pragma unroll
                for (int n = 0; n < Dim / 8; n++) {
                    acc[n][2 * half] *= shrink;
                    acc[n][2 * half + 1] *= shrink;
                }
            }
            ke::cp_async_wait<0>();
            __syncthreads();   // V is there, and everyone is done with K
            if (tile + 1 < last_tile) load(kt, kcache, (tile + 1) * Keys);
            accumulators_a<C>(a, s[0], s[1]);
            Tile::multiply_columns(acc, a, vt, warp * 16);
        }
        ke::cp_async_wait<0>();
        __syncthreads();   // the tiles become the warps' sums
#pragma unroll
        for (int half = 0; half < 2; half++) {
            l[half] += __shfl_xor_sync(0xffffffffu, l[half], 1);
            l[half] += __shfl_xor_sync(0xffffffffu, l[half], 2);
            const int r = lane / 4 + 8 * half;
            if (lane % 4 == 0) {
                warp_m[warp][r] = m[half];
                warp_l[warp][r] = l[half];
            }
#pragma unroll
            for (int n = 0; n < Dim / 8; n++) {
                float* p = partial + (warp * kRows + r) * Dim + n * 8 + 2 * (lane % 4);
                p[0] = acc[n][2 * half];
                p[1] = acc[n][2 * half + 1];
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < rows * dim; i += Threads) {
            const int r = i / dim, c = i % dim;
            float most = warp_m[0][r], sum = 0.f, total = 0.f;
#pragma unroll
            for (int w = 1; w < Warps; w++) most = fmaxf(most, warp_m[w][r]);
            const float base = most == -INFINITY ? 0.f : most;
#pragma unroll
            for (int w = 0; w < Warps; w++) {
                const float weight = ke::exp2_approx(warp_m[w][r] - base);
                total += weight * warp_l[w][r];
                sum += weight * partial[(w * kRows + r) * Dim + c];
            }
            if (out.splits == 1) {
                o.row(token(r0 + r))[head(r0 + r) * dim + c] = ke::from_float<E>(sum / total);
            } else {
                const int64_t at = (token(r0 + r) * shape.heads + head(r0 + r)) * out.splits + piece;
                out.o[at * dim + c] = sum;
                if (c == 0) {
                    out.ml[2 * at] = most;
                    out.ml[2 * at + 1] = total;
                }
            }
        }
    }
}

// The pieces of one query head put together: o = sum 2^(m_p - m) o_p / sum 2^(m_p - m) l_p. A warp each.
template <class E> __global__ void __launch_bounds__(128) paged_combine_kernel(ke::Rows<E> o, Pieces in, int heads, int dim) {
    const int64_t i = (int64_t)blockIdx.x * 4 + threadIdx.x / 32, t = i / heads;
    if (t >= o.rows) return;   // a whole warp, and there is no barrier below
    const float* ml = in.ml + 2 * i * in.splits;
    float most = -INFINITY, total = 0.f;
    for (int p = 0; p < in.splits; p++) most = fmaxf(most, ml[2 * p]);
    for (int p = 0; p < in.splits; p++) total += ke::exp2_approx(ml[2 * p] - most) * ml[2 * p + 1];
    for (int c = threadIdx.x & 31; c < dim; c += 32) {
        float sum = 0.f;
        for (int p = 0; p < in.splits; p++) sum += ke::exp2_approx(ml[2 * p] - most) * in.o[(i * in.splits + p) * dim + c];
        o.row(t)[i % heads * dim + c] = ke::from_float<E>(sum / total);
    }
}
}  // namespace

int32_t paged_attention_splits(const AttentionShape& shape, int32_t most_keys, int32_t multiprocessors) {
    // about four blocks for each multiprocessor, but no piece under 256 keys and no more than 32 pieces
    const int64_t there = (int64_t)shape.sequences * shape.kv_heads, wanted = there ? 4 * (int64_t)multiprocessors / there : 1;
    int64_t splits = wanted < most_keys / 256 ? wanted : most_keys / 256;
    if (splits > 32) splits = 32;
    return splits < 1 ? 1 : (int32_t)splits;
}
int64_t paged_attention_scratch(const AttentionShape& shape, int64_t tokens, int32_t splits) {
    return splits <= 1 ? 0 : tokens * shape.heads * splits * (shape.head_dim + 2);
}

template <class T>
cudaError_t paged_attention(ke::Rows<T> o, float* scratch, ke::Rows<const T> q, ke::Rows<const T> kcache, ke::Rows<const T> vcache, const Paging& paging,
                            const AttentionShape& shape, int32_t splits, cudaStream_t stream) {
    if (!q.rows || !shape.sequences) return cudaSuccess;
    const int64_t query_heads = q.rows * shape.heads;
    const Pieces out = pieces(scratch, query_heads, splits, shape.head_dim);
    const bool vectors = q.aligned_for(8) && kcache.aligned_for(8) && vcache.aligned_for(8);
    const cudaError_t e = choose_dim(shape.head_dim, [&](auto dim) {
        const dim3 grid((unsigned)splits, (unsigned)shape.kv_heads, (unsigned)shape.sequences);
        return ke::launch(paged_attention_kernel<T, dim>, grid, dim3(kThreads<dim>), (kRows + 2 * kKeys<dim>) * dim * 2, stream, o, out, q, kcache, vcache, paging,
                          shape, vectors);
    });
    if (e != cudaSuccess || splits == 1) return e;
    return ke::launch(paged_combine_kernel<T>, dim3((unsigned)ke::ceil_div<int64_t>(query_heads, 4)), dim3(128), 0, stream, o, out, shape.heads, shape.head_dim);
}

#define INSTANTIATE(T)                                                                                                                                 \
    template cudaError_t paged_attention(ke::Rows<T>, float*, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const T>, const Paging&, const AttentionShape&, \
                                         int32_t, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
