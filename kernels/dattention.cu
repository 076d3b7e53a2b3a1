// Gradients of causal attention. Dao, "FlashAttention-2", arXiv 2307.08691, section 3.1.2.
//
//   P = exp(S - lse),  dP = dO V^T,  delta = sum(dO O),  dS = P (dP - delta) scale (1 - (S / cap)^2 with a soft cap)
//   dQ = dS K            dK = dS^T Q            dV = P^T dO, over all query heads of the kv head
//
// Three passes: delta, a warp per token and head; dQ, a block per 64 queries of a head, walking the keys they see; dK and dV, a
// block per 64 keys of a kv head, walking the query heads of the group and the queries that see the keys, in order. P and dS
// are computed in both, so that every output has one writer and the sums one order: the same bytes on every run.
// Shapes and types as in attention.cu; delta [T, heads] fp32. Products in 16 bit (P and dS are rounded too), sums in fp32.
// Geometry: 4 warps of 16 rows (queries, or keys), which step through tiles of 32; where D > 128 2 warps and tiles of 16, and
//   dK and dV one after the other (their sums would not fit the registers together).
// Shared memory: at most 49 KiB. Per call, sequences of n: n^2 D heads flops for each product, of which dQ takes 3 and dK, dV
//   take 4 (5 where D > 128), the causal half; reads q, dO once per 64 keys and k, v once per 64 queries, from L2.
#include "dattention.h"

#include "attention.cuh"

namespace kernels {
namespace {
template <int Dim> constexpr int kWarps = Dim > 128 ? 2 : 4;
template <int Dim> constexpr int kThreads = 32 * kWarps<Dim>;
template <int Dim> constexpr int kRows = 16 * kWarps<Dim>;     // of the block: its queries (dQ) or its keys (dK, dV)
template <int Dim> constexpr int kStep = Dim > 128 ? 16 : 32;  // of a tile it walks
enum class Wanted { both, keys, values };

template <class E> struct Gradient {   // the tensors of a call, to be read
    ke::Rows<const E> dout, q, k, v;
    ke::Rows<const float> lse, delta;
};

// delta = sum_c dO O
template <class E> __global__ void __launch_bounds__(256) delta_kernel(ke::Rows<float> delta, ke::Rows<const E> dout, ke::Rows<const E> o, int heads, int dim) {
    const int64_t i = (int64_t)blockIdx.x * 8 + threadIdx.x / 32, t = i / heads;
    const int head = (int)(i % heads), lane = threadIdx.x & 31;
    if (t >= o.rows) return;   // a whole warp
    const E *a = dout.row(t) + head * dim, *b = o.row(t) + head * dim;
    float sum = 0.f;
    for (int c = lane; c < dim; c += 32) sum += ke::to_float(a[c]) * ke::to_float(b[c]);
    sum = ke::warp_sum(sum);
    if (lane == 0) delta.row(t)[head] = sum;
}

// One product x of a visible pair and its dP -> its weight and dS.
__device__ __forceinline__ void pair_gradient(float& x, float& dp, float lse, float delta, bool seen, const AttentionShape& shape) {
    const float s = score(x, shape.scale, shape.softcap), weight = seen ? ke::exp2_approx((s - lse) * kLog2e) : 0.f;
    float slope = weight * (dp - delta) * shape.scale;
    if (shape.softcap > 0.f) {
        const float bend = s / shape.softcap;
        slope *= 1.f - bend * bend;
    }
    x = weight;
    dp = slope;
}

template <class E, int Dim> __global__ void __launch_bounds__(kThreads<Dim>) dattention_query_kernel(ke::Rows<E> dq, Gradient<E> in, AttentionShape shape, bool vectors) {
    using C = typename Compute<E>::Type;
    using Tile = HeadTile<C, Dim>;
    constexpr int Rows = kRows<Dim>, Step = kStep<Dim>, Threads = kThreads<Dim>;
    KE_DYN_SHARED(shared);
    C *qt = (C*)shared, *gt = qt + Rows * Dim, *kt = gt + Rows * Dim, *vt = kt + Step * Dim;

    const int sequence = blockIdx.z, head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    const int64_t first_token = shape.cu_seqlens[sequence];
    const int n = shape.cu_seqlens[sequence + 1] - (int)first_token, q0 = (int)(gridDim.x - 1 - blockIdx.x) * Rows;
    if (q0 >= n) return;   // the whole block
    const int dim = shape.head_dim, q_column = head * dim, kv_column = head / (shape.heads / shape.kv_heads) * dim;
    const int end = min(q0 + Rows, n), lowest = shape.window > 0 ? max(q0 - shape.window + 1, 0) : 0;

    auto queries = [&](C* tile, const ke::Rows<const E>& x) {
        Tile::template load<Rows, Threads>(tile, dim, vectors, x.data, [&](int r) { return q0 + r < n ? x.row(first_token + q0 + r) + q_column : nullptr; });
    };
    auto keys = [&](C* tile, const ke::Rows<const E>& x, int first) {
        Tile::template load<Step, Threads>(tile, dim, vectors, x.data, [&](int r) { return first + r < end ? x.row(first_token + first + r) + kv_column : nullptr; });
        ke::cp_async_commit();
    };
    queries(qt, in.q);
    queries(gt, in.dout);
    float lse[2], delta[2], sum[Dim / 8][4];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int r = q0 + warp * 16 + lane / 4 + 8 * half;
        lse[half] = r < n ? in.lse.row(first_token + r)[head] : 0.f;
        delta[half] = r < n ? in.delta.row(first_token + r)[head] : 0.f;
    }
    clear(sum);
    int first = lowest / Step * Step;
    keys(kt, in.k, first);
    for (; first < end; first += Step) {
        keys(vt, in.v, first);
        ke::cp_async_wait<1>();
        __syncthreads();   // K is there
        float s[Step / 8][4], ds[Step / 8][4];
        clear(s);
        clear(ds);
        uint32_t a[4];
#pragma unroll
        for (int i = 0; i < Dim / 16; i++) {
            Tile::rows_a(a, qt, warp * 16, i);
            Tile::multiply_rows(s, a, kt, 0, i);
        }
        ke::cp_async_wait<0>();
        __syncthreads();   // V is there
#pragma unroll
        for (int i = 0; i < Dim / 16; i++) {
            Tile::rows_a(a, gt, warp * 16, i);
            Tile::multiply_rows(ds, a, vt, 0, i);
        }
#pragma unroll
        for (int c = 0; c < Step / 8; c++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int query = q0 + warp * 16 + lane / 4 + i / 2 * 8, key = first + c * 8 + 2 * (lane % 4) + i % 2;
                pair_gradient(s[c][i], ds[c][i], lse[i / 2], delta[i / 2], query < n && visible(key, query, shape.window), shape);
            }
#pragma unroll
        for (int i = 0; i < Step / 16; i++) {
            accumulators_a<C>(a, ds[2 * i], ds[2 * i + 1]);
            Tile::multiply_columns(sum, a, kt, i * 16);
        }
        __syncthreads();   // everyone is done with both
        if (first + Step < end) keys(kt, in.k, first + Step);
    }
    const float one[2] = {1.f, 1.f};
    store_head<E>(sum, one, q0 + warp * 16, dim, [&](int r) { return r < n ? dq.row(first_token + r) + q_column : nullptr; });
}

template <class E, int Dim, Wanted W>
__global__ void __launch_bounds__(kThreads<Dim>) dattention_key_kernel(ke::Rows<E> dk, ke::Rows<E> dv, Gradient<E> in, AttentionShape shape, bool vectors) {
    using C = typename Compute<E>::Type;
    using Tile = HeadTile<C, Dim>;
    constexpr int Rows = kRows<Dim>, Step = kStep<Dim>, Threads = kThreads<Dim>;
    constexpr bool kWantKeys = W != Wanted::values, kWantValues = W != Wanted::keys;
    KE_DYN_SHARED(shared);
    C *kt = (C*)shared, *vt = kt + Rows * Dim, *qt = vt + Rows * Dim, *gt = qt + Step * Dim;
    KE_SHARED(float, lse, [Step]);
    KE_SHARED(float, delta, [Step]);

    const int sequence = blockIdx.z, kv_head = blockIdx.y, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    const int64_t first_token = shape.cu_seqlens[sequence];
    const int n = shape.cu_seqlens[sequence + 1] - (int)first_token, k0 = (int)blockIdx.x * Rows;   // the first keys are seen the longest
    if (k0 >= n) return;   // the whole block
    const int dim = shape.head_dim, group = shape.heads / shape.kv_heads, kv_column = kv_head * dim;
    // the queries that see any of these keys: up to the window of the last; tiles of them, for each head of the group in turn
    const int last_key = min(k0 + Rows, n) - 1, end = shape.window > 0 ? (int)min((int64_t)n, (int64_t)last_key + shape.window) : n;
    const int per_head = ke::ceil_div(end - k0, Step), tiles = per_head * group;

    auto keys = [&](C* tile, const ke::Rows<const E>& x) {
        Tile::template load<Rows, Threads>(tile, dim, vectors, x.data, [&](int r) { return k0 + r < n ? x.row(first_token + k0 + r) + kv_column : nullptr; });
    };
    auto queries = [&](C* tile, const ke::Rows<const E>& x, int i) {
        const int head = kv_head * group + i / per_head, first = k0 + i % per_head * Step;
        Tile::template load<Step, Threads>(tile, dim, vectors, x.data, [&](int r) { return first + r < end ? x.row(first_token + first + r) + head * dim : nullptr; });
    };
    auto begin_tile = [&](int i) {   // Q with its lse and delta
        const int head = kv_head * group + i / per_head, first = k0 + i % per_head * Step;
        queries(qt, in.q, i);
        for (int r = threadIdx.x; r < Step; r += Threads) {
            const bool there = first + r < end;
            ke::cp_async_zero_fill<4>(&lse[r], there ? in.lse.row(first_token + first + r) + head : in.lse.data, there ? 4 : 0);
            ke::cp_async_zero_fill<4>(&delta[r], there ? in.delta.row(first_token + first + r) + head : in.delta.data, there ? 4 : 0);
        }
        ke::cp_async_commit();
    };
    keys(kt, in.k);
    if constexpr (kWantKeys) keys(vt, in.v);
    float sum_k[kWantKeys ? Dim / 8 : 1][4], sum_v[kWantValues ? Dim / 8 : 1][4];
    clear(sum_k);
    clear(sum_v);
    begin_tile(0);
    for (int tile = 0; tile < tiles; tile++) {
        const int first = k0 + tile % per_head * Step;
        queries(gt, in.dout, tile);
        ke::cp_async_commit();
        ke::cp_async_wait<1>();
        __syncthreads();   // Q is there, and lse and delta
        float s[Step / 8][4], ds[Step / 8][4];   // rows are keys, columns queries
        clear(s);
        clear(ds);
        uint32_t a[4];
#pragma unroll
        for (int i = 0; i < Dim / 16; i++) {
            Tile::rows_a(a, kt, warp * 16, i);
            Tile::multiply_rows(s, a, qt, 0, i);
        }
        ke::cp_async_wait<0>();
        __syncthreads();   // dO is there
        if constexpr (kWantKeys) {
#pragma unroll
            for (int i = 0; i < Dim / 16; i++) {
                Tile::rows_a(a, vt, warp * 16, i);
                Tile::multiply_rows(ds, a, gt, 0, i);
            }
        }
#pragma unroll
        for (int c = 0; c < Step / 8; c++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int column = c * 8 + 2 * (lane % 4) + i % 2, query = first + column, key = k0 + warp * 16 + lane / 4 + i / 2 * 8;
                pair_gradient(s[c][i], ds[c][i], lse[column], delta[column], query < end && visible(key, query, shape.window), shape);
            }
#pragma unroll
        for (int i = 0; i < Step / 16; i++) {
            if constexpr (kWantValues) {
                accumulators_a<C>(a, s[2 * i], s[2 * i + 1]);
                Tile::multiply_columns(sum_v, a, gt, i * 16);
            }
            if constexpr (kWantKeys) {
                accumulators_a<C>(a, ds[2 * i], ds[2 * i + 1]);
                Tile::multiply_columns(sum_k, a, qt, i * 16);
            }
        }
        __syncthreads();   // everyone is done with the tile
        if (tile + 1 < tiles) begin_tile(tile + 1);
    }
    const float one[2] = {1.f, 1.f};
    auto to = [&](const ke::Rows<E>& x) { return [&](int r) { return r < n ? x.row(first_token + r) + kv_column : nullptr; }; };
    if constexpr (kWantKeys) store_head<E>(sum_k, one, k0 + warp * 16, dim, to(dk));
    if constexpr (kWantValues) store_head<E>(sum_v, one, k0 + warp * 16, dim, to(dv));
}
}  // namespace

template <class T>
cudaError_t dattention(ke::Rows<T> dq, ke::Rows<T> dk, ke::Rows<T> dv, ke::Rows<float> delta, ke::Rows<const T> dout, ke::Rows<const T> o,
                       ke::Rows<const float> lse, ke::Rows<const T> q, ke::Rows<const T> k, ke::Rows<const T> v, const AttentionShape& shape,
                       cudaStream_t stream) {
    if (!q.rows || !shape.sequences) return cudaSuccess;
    const dim3 delta_grid((unsigned)ke::ceil_div<int64_t>(q.rows * shape.heads, 8));
    if (cudaError_t e = ke::launch(delta_kernel<T>, delta_grid, dim3(256), 0, stream, delta, dout, o, shape.heads, shape.head_dim); e != cudaSuccess) return e;
    const Gradient<T> in{dout, q, k, v, lse, delta};
    const bool vectors = dout.aligned_for(8) && q.aligned_for(8) && k.aligned_for(8) && v.aligned_for(8);
    return choose_dim(shape.head_dim, [&](auto dim) {
        constexpr int Rows = kRows<dim>;
        const size_t shared = 2 * (Rows + kStep<dim>) * dim * 2;
        const dim3 block(kThreads<dim>);
        auto grid = [&](int heads) { return dim3((unsigned)ke::ceil_div(shape.max_seqlen, Rows), (unsigned)heads, (unsigned)shape.sequences); };
        auto keys = [&](auto kernel) { return ke::launch(kernel, grid(shape.kv_heads), block, shared, stream, dk, dv, in, shape, vectors); };
        const cudaError_t e = ke::launch(dattention_query_kernel<T, dim>, grid(shape.heads), block, shared, stream, dq, in, shape, vectors);
        if (e != cudaSuccess) return e;
        if constexpr (dim > 128) {
            const cudaError_t e2 = keys(dattention_key_kernel<T, dim, Wanted::values>);
            return e2 != cudaSuccess ? e2 : keys(dattention_key_kernel<T, dim, Wanted::keys>);
        } else {
            return keys(dattention_key_kernel<T, dim, Wanted::both>);
        }
    });
}

#define INSTANTIATE(T)                                                                                                                            \
    template cudaError_t dattention(ke::Rows<T>, ke::Rows<T>, ke::Rows<T>, ke::Rows<float>, ke::Rows<const T>, ke::Rows<const T>,                 \
                                    ke::Rows<const float>, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const T>, const AttentionShape&, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
