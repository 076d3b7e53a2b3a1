// The head and the cross-entropy, forward and gradient, in chunks of tokens.
//
//   z = x W^T,  l = z or cap tanh(z / cap),  p = softmax(l)
//   nll = (1 - s) (-log p[label]) + s mean_v(-log p[v])  =  log sum_v exp(l_v - m) + (1 - s) (m - l[label]) + s (m - mean l),  m = max l
//   dnll/dz_v = (p_v - (1 - s) [v = label] - s / V) (1 - (l_v / cap)^2)          dx = grad_scale dnll/dz W
//
// x, W, dx fp32, fp16 or bf16; logits and sums fp32. Of the logits only those of a chunk exist, [chunk, V] in fp32 (16 bits would
// cost the loss its third digit); the gradient, in x's type, takes their place as they are read, the second operand of dx then.
// Keeping no logits at all (log-sum-exp online over blocks of the vocabulary, the logits made again for the gradient) costs three
// products where this costs two, and the products are what takes the time.
// The tokens whose label counts are listed first, on the device, and the chunks are cut from the list: masked tokens cost nothing,
// the host waits for nothing (it launches all chunks that there might be; blocks beyond the list leave at once).
// Geometry: list one block of 1024; products as in matmul.cu, rows of x gathered and rows of dx scattered by the list; softmax 512
//   threads a row, 4 logits a thread at a time.
// Per call, L tokens that count: 2 L V H flops forward and as many backward; W is read twice a chunk, 4 V H bytes in 16 bits, and
//   each logit written once and read twice in fp32: a chunk of about 512 rows balances the two on an H100.
#include "head_loss.h"

#include <algorithm>

#include "ke/ke.h"
#include "product.h"

namespace kernels {
namespace {
constexpr int kListThreads = 1024, kThreads = 512;

// Gradients of the logits are at most 1 and mostly tiny, which fp16 cannot hold; dx takes the factor back.
template <class T> constexpr float kGradientUnit = 1.f;
template <> constexpr float kGradientUnit<__half> = 16384.f;

__global__ void __launch_bounds__(kListThreads) list_tokens_kernel(int32_t* list, int32_t* count, ke::Rows<float> nll, ke::Rows<const int32_t> labels, int32_t ignore, bool all) {
    KE_SHARED(int, warps, [kListThreads / 32]);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int listed = 0;
    for (int64_t t0 = 0; t0 < labels.rows; t0 += kListThreads) {
        const int64_t t = t0 + threadIdx.x;
        const bool counts = t < labels.rows && labels.row(t)[0] != ignore, take = t < labels.rows && (counts || all);
        if (t < labels.rows && !counts) nll.row(t)[0] = 0.f;
        const unsigned ballot = __ballot_sync(0xffffffffu, take);
        if (lane == 0) warps[warp] = __popc(ballot);
        __syncthreads();
        int before = listed;
        for (int w = 0; w < kListThreads / 32; w++) {
            if (w < warp) before += warps[w];
            listed += warps[w];
        }
        if (take) list[before + __popc(ballot & ((1u << lane) - 1))] = (int32_t)t;
        __syncthreads();
    }
    if (threadIdx.x == 0) *count = listed;
}

template <class T> __global__ void __launch_bounds__(256) clear_ignored_kernel(ke::Rows<T> dx, ke::Rows<const int32_t> labels, int32_t ignore) {
    const int64_t t = blockIdx.x;
    if (labels.row(t)[0] != ignore) return;
    for (int64_t c = threadIdx.x; c < dx.cols; c += 256) dx.row(t)[c] = ke::from_float<T>(0.f);
}

// the larger value, of equal ones the lower index
struct Best {
    float value;
    int index;
};
__device__ __forceinline__ Best better(Best a, Best b) { return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a; }

struct Row {
    const int32_t *list, *count;
    int32_t first;   // of the chunk, in the list
    int64_t vocab, stride;
};
// A row of the chunk: nll and best from its logits, which their gradient replaces.
template <class T>
__global__ void __launch_bounds__(kThreads) softmax_kernel(float* logits, Row r, ke::Rows<float> nll, ke::Rows<int32_t> best, ke::Rows<const int32_t> labels, HeadLossParams p,
                                                           bool gradient) {
    KE_SHARED(float, chosen, [1]);
    KE_SHARED(Best, bests, [kThreads / 32]);
    constexpr int N = 4;
    if ((int32_t)blockIdx.x >= *r.count - r.first) return;   // the whole block
    const int64_t V = r.vocab, t = r.list[r.first + blockIdx.x];
    const int32_t label = labels.row(t)[0];
    const bool counts = label != p.ignore, valid = label >= 0 && label < V;
    float* const row = logits + blockIdx.x * r.stride;
    const float inverse_cap = p.softcap != 0.f ? 1.f / p.softcap : 0.f;
    auto cap = [&](float z) { return p.softcap != 0.f ? p.softcap * tanhf(z * inverse_cap) : z; };

    // max, sum of exp(l - max) and sum of l, online
    float most = -INFINITY, sum = 0.f, total = 0.f, v[N];
    Best mine = {-INFINITY, 0};   // an index that exists, whatever the logits are
    for (int64_t i = threadIdx.x * N; i < V; i += kThreads * N) {
        ke::load_floats<N>(v, row + i, V - i);
        float top = most;
#pragma unroll
        for (int j = 0; j < N; j++) {
            if (i + j >= V) continue;
            v[j] = cap(v[j]);
            if (i + j == label) chosen[0] = v[j];
            total += v[j];
            mine = better(mine, {v[j], (int)(i + j)});
            top = fmaxf(top, v[j]);
        }
        sum *= expf(most - top);
        most = top;
#pragma unroll
        for (int j = 0; j < N; j++)
            if (i + j < V) sum += expf(v[j] - most);
    }
    const float m = ke::block_max<kThreads>(most);
    sum = ke::block_sum<kThreads>(most == -INFINITY ? 0.f : sum * expf(most - m));
    total = ke::block_sum<kThreads>(total);
    if (best.data) {
#pragma unroll
        for (int o = 16; o; o >>= 1) mine = better(mine, {__shfl_xor_sync(0xffffffffu, mine.value, o), __shfl_xor_sync(0xffffffffu, mine.index, o)});
        if (threadIdx.x % 32 == 0) bests[threadIdx.x / 32] = mine;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int w = 1; w < kThreads / 32; w++) mine = better(mine, bests[w]);
            best.row(t)[0] = mine.index;
        }
    }
    if (threadIdx.x == 0 && counts)
        nll.row(t)[0] = valid ? logf(sum) + (1.f - p.smoothing) * (m - chosen[0]) + p.smoothing * (m - total / (float)V) : NAN;
    if (!gradient) return;

    // The gradient in T over the logits in fp32: what step k writes ends where step k + 1 begins to read or before, and within
    // a step all have read before any writes.
    const float inverse = 1.f / sum, spread = p.smoothing / (float)V;
    T* const d = (T*)row;
    for (int64_t i0 = 0; i0 < V; i0 += kThreads * N) {
        const int64_t i = i0 + threadIdx.x * N;
        if (i < V) {
            ke::load_floats<N>(v, row + i, V - i);
#pragma unroll
            for (int j = 0; j < N; j++) {
                const float l = cap(v[j]), part = l * inverse_cap;
                float g = expf(l - m) * inverse - spread;
                if (i + j == label) g -= 1.f - p.smoothing;
                v[j] = counts && valid ? g * (1.f - part * part) * kGradientUnit<T> : 0.f;
            }
        }
        __syncthreads();
        if (i < V) ke::store_floats<N>(d + i, v, V - i);
    }
}

struct Memory {
    int32_t *list, *count;
    float* logits;
    int64_t chunk, stride;   // tokens in a chunk; floats from row to row of the logits
};
int64_t row_stride(int64_t vocab) { return (vocab + 7) / 8 * 8; }
size_t round_up(size_t bytes) { return (bytes + 255) / 256 * 256; }
size_t list_bytes(int64_t tokens) { return round_up((tokens + 1) * sizeof(int32_t)); }
}  // namespace

size_t head_loss_workspace(int64_t tokens, int64_t vocab, int64_t chunk) {
    return list_bytes(tokens) + (size_t)std::min(chunk, tokens) * row_stride(vocab) * sizeof(float);
}

template <class T>
cudaError_t head_loss(ke::Rows<float> nll, ke::Rows<T> dx, ke::Rows<int32_t> best, ke::Rows<const T> x, ke::Rows<const T> w, ke::Rows<const int32_t> labels,
                      const HeadLossParams& p, void* workspace, size_t bytes, cudaStream_t stream) {
    if (!x.rows) return cudaSuccess;
    if (bytes < head_loss_workspace(x.rows, w.rows, 1)) return cudaErrorInvalidValue;
    Memory at{(int32_t*)workspace, (int32_t*)workspace + x.rows, (float*)((char*)workspace + list_bytes(x.rows)), 0, row_stride(w.rows)};
    at.chunk = std::min<int64_t>(x.rows, (bytes - list_bytes(x.rows)) / (at.stride * sizeof(float)));
    if (at.chunk > 128) at.chunk = at.chunk / 128 * 128;   // whole tiles

    if (cudaError_t e = ke::launch(list_tokens_kernel, dim3(1), dim3(kListThreads), 0, stream, at.list, at.count, nll, labels, p.ignore, best.data != nullptr)) return e;
    if (dx.data && !best.data)
        if (cudaError_t e = ke::launch(clear_ignored_kernel<T>, dim3((unsigned)x.rows), dim3(256), 0, stream, dx, labels, p.ignore)) return e;

    for (int64_t first = 0; first < x.rows; first += at.chunk) {
        const int64_t rows = std::min(at.chunk, x.rows - first);
        Product<T, float> logits;
        add_piece(logits, rows, w.rows, into(ke::Rows<float>{at.logits, rows, w.rows, at.stride}));
        Operand<T> gathered = by_rows(x);
        gathered.gather = at.list + first;
        add_segment(logits, gathered, by_rows(w));
        logits.live = at.count;
        logits.live0 = (int32_t)first;
        if (cudaError_t e = product(logits, Layout::nt, stream)) return e;

        const Row row = {at.list, at.count, (int32_t)first, w.rows, at.stride};
        if (cudaError_t e = ke::launch(softmax_kernel<T>, dim3((unsigned)rows), dim3(kThreads), 0, stream, at.logits, row, nll, best, labels, p, dx.data != nullptr)) return e;
        if (!dx.data) continue;

        Product<T, T> back;
        Output<T> out = into(dx, ke::Store::set, p.grad_scale / kGradientUnit<T>);
        out.scatter = at.list + first;
        add_piece(back, rows, dx.cols, out);
        const ke::Rows<const T> gradient = {(const T*)at.logits, rows, w.rows, at.stride * (int64_t)(sizeof(float) / sizeof(T))};
        add_segment(back, by_rows(gradient), by_columns(w));
        back.live = at.count;
        back.live0 = (int32_t)first;
        if (cudaError_t e = product(back, Layout::nn, stream)) return e;
    }
    return cudaSuccess;
}

#define INSTANTIATE(T)                                                                                                                                             \
    template cudaError_t head_loss(ke::Rows<float>, ke::Rows<T>, ke::Rows<int32_t>, ke::Rows<const T>, ke::Rows<const T>, ke::Rows<const int32_t>, const HeadLossParams&, \
                                   void*, size_t, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
