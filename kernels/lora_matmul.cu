// Projections with a low-rank update, forward and backward. Hu et al., "LoRA", arXiv 2106.09685.
//
//   forward    xa = x A^T            y = x W^T + bias + s xa B^T  =  [x | xa] [W | s B]^T + bias
//   backward   t = s dy B            dx = sum over projections of dy W + t A  =  [dy | t] [W ; A]
//              dA += t^T x           dB += s dy^T xa
//
// The update is a few more steps of K in the product it belongs to (Segments of product.h): y and dx are written once and
// nothing of the size of y is ever held twice. Projections that read the same x go together: one pass over x makes xa for all
// of them, one launch their y, one product dx, and one pass over x dA.
// x, y, dy, dx, xa fp32, fp16 or bf16; A, B, dA, dB fp32; sums fp32. A and s B are first rounded to x's type, their rank padded to
// a multiple of 8 with zeros, as the tensor cores want them. Any rank.
// The products with a small side (xa, t, dA, dB) have few tiles and a long K: K goes to several blocks, each writing a slab of
//   fp32, which are summed in one order whatever the device does.
// Geometry: packing 256 threads over the factors; the rest as in matmul.cu and matmul_nf4.cu.
// Per call, T tokens, R the sum of ranks, O the sum of outs: forward 2 T (in O + in R + r O) flops, backward 2 T (in O + 3 in R +
//   3 r O) roughly; bytes as of the plain products, and 6 R (in + O / n) for packing.
#include "lora_matmul.h"

#include <algorithm>

#include "gemv_nf4.h"
#include "ke/ke.h"
#include "matmul_nf4.h"

namespace kernels {
namespace {
constexpr int kThreads = 256;

// to [rows, cols] = scale * from, zeros beyond it
template <class T> struct Packing {
    T* to;
    int64_t rows, cols;
    ke::Rows<const float> from;
    int64_t live_cols;   // of from
    double scale;
};
template <class T> struct Packings {
    Packing<T> job[2 * kMostProjections];
};
template <class T> __global__ void __launch_bounds__(kThreads) pack_factors_kernel(const __grid_constant__ Packings<T> jobs) {
    const Packing<T>& j = jobs.job[blockIdx.y];
    for (int64_t i = (int64_t)blockIdx.x * kThreads + threadIdx.x; i < j.rows * j.cols; i += (int64_t)gridDim.x * kThreads) {
        const int64_t row = i / j.cols, col = i % j.cols;
        j.to[i] = ke::from_float<T>(row < j.from.rows && col < j.live_cols ? j.from.row(row)[col] * (float)j.scale : 0.f);
    }
}

int64_t padded(int64_t n) { return (n + 7) / 8 * 8; }

// Takes pieces of the workspace in turn; with base null it only counts.
struct Carver {
    char* base;
    size_t used = 0;
    template <class U> U* take(int64_t n) {
        U* p = base ? (U*)(base + used) : nullptr;
        used += ((size_t)n * sizeof(U) + 255) / 256 * 256;
        return p;
    }
};

// What both directions need, and where it lies.
template <class T> struct Plan {
    const LoraProjection<T>* p;
    int n;
    int64_t tokens, in;
    bool packed;           // 4-bit matrices are multiplied as they are
    bool vector;           // by gemv_nf4
    int64_t ranks = 0;     // padded, of all projections
    int64_t offset[kMostProjections];
    int splits = 1, gradient_splits[2] = {1, 1};
    T* a = nullptr;        // [ranks, padded(in)], one projection under the other
    T* b[kMostProjections] = {};
    ke::Rows<const T> w[kMostProjections];
    T* t = nullptr;        // [tokens, ranks]
    float* slabs = nullptr;
    float* sum = nullptr;  // dx before it is rounded, when several packed products make it

    int64_t rank(int i) const { return padded(p[i].a.rows); }
    ke::Rows<const T> factor_a(int i) const { return {a + offset[i] * padded(in), rank(i), in, padded(in)}; }
    ke::Rows<const T> factor_b(int i) const { return {b[i], p[i].outputs(), rank(i), rank(i)}; }
    ke::Rows<T> part_of_t(int i) const { return {t + offset[i], tokens, rank(i), ranks}; }

    Plan(const LoraProjection<T>* p_, int n_, int64_t tokens_, int64_t in_, LoraThreshold threshold, bool backward, bool want_dx, Carver& c)
        : p(p_), n(n_), tokens(tokens_), in(in_) {
        bool can = !std::is_same<T, float>::value;
        int64_t widest = 0, most_rank = 0;
        for (int i = 0; i < n; i++) {
            can &= p[i].nf4.data && in % kNf4Block == 0;
            offset[i] = ranks;
            widest = std::max(widest, p[i].outputs());
            if (!p[i].lora()) continue;
            ranks += rank(i);
            most_rank = std::max(most_rank, rank(i));
        }
        vector = can && !backward && tokens <= kGemvTokens;
        packed = can && tokens <= threshold.packed_tokens;
        if (vector) return;
        if (ranks) a = c.take<T>(ranks * padded(in));
        for (int i = 0; i < n; i++) {
            if (p[i].lora()) b[i] = c.take<T>(p[i].outputs() * rank(i));
            w[i] = p[i].w;
            if (p[i].nf4.data && !packed && (want_dx || !backward)) w[i] = {c.take<T>(p[i].nf4.rows * padded(in)), p[i].nf4.rows, in, padded(in)};
        }
        int64_t slab = 0;
        if (ranks) {
            splits = product_splits(tokens, ranks, backward ? widest : in);
            slab = splits * tokens * ranks;
        }
        if (packed)
            for (int i = 0; i < n; i++) {
                const int s = packed_splits(i, backward);
                if (s > 1) slab = std::max(slab, s * tokens * (backward ? in : p[i].outputs()));
            }
        if (backward && ranks) {
            t = c.take<T>(tokens * ranks);
            gradient_splits[0] = product_splits(ranks, in, tokens);
            gradient_splits[1] = product_splits(widest, most_rank, tokens);
            int64_t all = 0;
            for (int i = 0; i < n; i++)
                if (p[i].lora()) all += p[i].outputs() * p[i].a.rows;
            slab = std::max({slab, gradient_splits[0] * ranks * in, gradient_splits[1] * all});
        }
        if (slab) slabs = c.take<float>(slab);
        if (backward && packed && want_dx && n > 1) sum = c.take<float>(tokens * in);
    }

    int packed_splits(int i, bool backward) const {
        return backward ? matmul_nf4_splits(tokens, in, p[i].outputs()) : matmul_nf4_splits(tokens, p[i].outputs(), in);
    }

    cudaError_t pack_factors(cudaStream_t stream) const {
        Packings<T> jobs{};
        int count = 0;
        int64_t most = 0;
        for (int i = 0; i < n; i++) {
            if (!p[i].lora()) continue;
            jobs.job[count++] = {a + offset[i] * padded(in), rank(i), padded(in), p[i].a, p[i].a.cols, 1.0};
            jobs.job[count++] = {b[i], p[i].outputs(), rank(i), p[i].b, p[i].b.cols, p[i].scale};
            most = std::max({most, rank(i) * padded(in), p[i].outputs() * rank(i)});
        }
        if (!count) return cudaSuccess;
        const int64_t blocks = std::min<int64_t>(ke::ceil_div<int64_t>(most, kThreads), 4 * (int64_t)multiprocessors());
        return ke::launch(pack_factors_kernel<T>, dim3((unsigned)blocks, count), dim3(kThreads), 0, stream, jobs);
    }
    cudaError_t dequantize(cudaStream_t stream) const {
        for (int i = 0; i < n; i++)
            if (p[i].nf4.data && w[i].data)
                if (cudaError_t e = nf4_dequantize(ke::Rows<T>{const_cast<T*>(w[i].data), w[i].rows, w[i].cols, w[i].stride}, p[i].nf4, 0, stream)) return e;
        return cudaSuccess;
    }
};

// xa = x A^T of all projections, one pass over x
template <class T> cudaError_t inner(const Plan<T>& plan, ke::Rows<const T> x, cudaStream_t stream) {
    if (!plan.ranks) return cudaSuccess;
    Product<T, float> product_;
    product_.splits = plan.splits;
    Output<float> out = into(ke::Rows<float>{plan.slabs, plan.tokens, plan.ranks, plan.ranks});
    out.slab = plan.tokens * plan.ranks;
    add_piece(product_, plan.tokens, plan.ranks, out);
    add_segment(product_, by_rows(x), by_rows(ke::Rows<const T>{plan.a, plan.ranks, plan.in, padded(plan.in)}));
    if (cudaError_t e = product(product_, Layout::nt, stream)) return e;
    SlabSum<T> parts[kMostProjections];
    int count = 0;
    for (int i = 0; i < plan.n; i++)
        if (plan.p[i].lora()) parts[count++] = {plan.p[i].xa, plan.slabs + plan.offset[i], plan.ranks, out.slab, nullptr, 1.f, ke::Store::set};
    return sum_slabs(parts, count, plan.splits, stream);
}

template <class T> cudaError_t forward_vector(const Plan<T>& plan, ke::Rows<const T> x, cudaStream_t stream) {
    for (int i = 0; i < plan.n; i++) {
        const LoraProjection<T>& p = plan.p[i];
        if (p.lora())
            if (cudaError_t e = gemv_rank(p.xa, x, p.a, stream)) return e;
        const GemvLowRank<T> low = {p.xa, p.b, p.scale};
        if (cudaError_t e = gemv_nf4<T, T>(p.y, x, p.nf4, ke::Store::set, p.bias, p.lora() ? &low : nullptr, stream)) return e;
    }
    return cudaSuccess;
}

template <class T> cudaError_t forward_packed(const Plan<T>& plan, ke::Rows<const T> x, cudaStream_t stream) {
    for (int i = 0; i < plan.n; i++) {
        const LoraProjection<T>& p = plan.p[i];
        const LowRank<T> low = {p.xa, plan.factor_b(i)};
        if (cudaError_t e = matmul_nf4<T, T>(p.y, x, p.nf4, ke::Store::set, p.bias, p.lora() ? &low : nullptr, plan.slabs, plan.packed_splits(i, false), stream)) return e;
    }
    return cudaSuccess;
}

template <class T> cudaError_t forward_dense(const Plan<T>& plan, ke::Rows<const T> x, cudaStream_t stream) {
    if (cudaError_t e = plan.dequantize(stream)) return e;
    Product<T, T> y;
    for (int i = 0; i < plan.n; i++) {
        const LoraProjection<T>& p = plan.p[i];
        add_piece(y, plan.tokens, p.outputs(), into(p.y, ke::Store::set, 1.f, p.bias));
        add_segment(y, by_rows(x), by_rows(plan.w[i]));
        if (p.lora()) add_segment(y, by_rows(ke::Rows<const T>(p.xa)), by_rows(plan.factor_b(i)));
    }
    return product(y, Layout::nt, stream);
}

// t = s dy B of all projections, side by side
template <class T> cudaError_t inner_gradient(const Plan<T>& plan, cudaStream_t stream) {
    Product<T, float> t;
    t.splits = plan.splits;
    for (int i = 0; i < plan.n; i++) {
        if (!plan.p[i].lora()) continue;
        Output<float> out = into(ke::Rows<float>{plan.slabs + plan.offset[i], plan.tokens, plan.rank(i), plan.ranks});
        out.slab = plan.tokens * plan.ranks;
        add_piece(t, plan.tokens, plan.rank(i), out);
        add_segment(t, by_rows(ke::Rows<const T>(plan.p[i].y)), by_columns(plan.factor_b(i)));
    }
    if (cudaError_t e = product(t, Layout::nn, stream)) return e;
    const SlabSum<T> all = {{plan.t, plan.tokens, plan.ranks, plan.ranks}, plan.slabs, plan.ranks, plan.tokens * plan.ranks, nullptr, 1.f, ke::Store::set};
    return sum_slabs(&all, 1, plan.splits, stream);
}

template <class T> cudaError_t input_gradient_packed(const Plan<T>& plan, ke::Rows<T> dx, ke::Store store, cudaStream_t stream) {
    const ke::Rows<float> sum = {plan.sum, plan.tokens, plan.in, plan.in};
    for (int i = 0; i < plan.n; i++) {
        const LoraProjection<T>& p = plan.p[i];
        const LowRank<T> low = {plan.part_of_t(i), plan.factor_a(i)}, *update = p.lora() ? &low : nullptr;
        const int splits = plan.packed_splits(i, true);
        const ke::Rows<const T> dy = p.y;
        cudaError_t e = plan.sum ? dmatmul_nf4<T, float>(sum, dy, p.nf4, i ? ke::Store::add : ke::Store::set, update, plan.slabs, splits, stream)
                                 : dmatmul_nf4<T, T>(dx, dy, p.nf4, store, update, plan.slabs, splits, stream);
        if (e) return e;
    }
    if (!plan.sum) return cudaSuccess;
    const SlabSum<T> all = {dx, plan.sum, plan.in, 0, nullptr, 1.f, store};
    return sum_slabs(&all, 1, 1, stream);
}

template <class T> cudaError_t input_gradient_dense(const Plan<T>& plan, ke::Rows<T> dx, ke::Store store, cudaStream_t stream) {
    if (cudaError_t e = plan.dequantize(stream)) return e;
    Product<T, T> d;
    add_piece(d, plan.tokens, plan.in, into(dx, store));
    for (int i = 0; i < plan.n; i++) {
        add_segment(d, by_rows(ke::Rows<const T>(plan.p[i].y)), by_columns(plan.w[i]));
        if (plan.p[i].lora()) add_segment(d, by_rows(ke::Rows<const T>(plan.part_of_t(i))), by_columns(plan.factor_a(i)));
    }
    return product(d, Layout::nn, stream);
}

template <class T> cudaError_t factor_gradients(const Plan<T>& plan, ke::Rows<const T> x, cudaStream_t stream) {
    SlabSum<float> parts[kMostProjections];
    int count = 0;
    // dA += t^T x, one pass over x
    Product<T, float> da;
    da.splits = plan.gradient_splits[0];
    Output<float> out = into(ke::Rows<float>{plan.slabs, plan.ranks, plan.in, plan.in});
    out.slab = plan.ranks * plan.in;
    add_piece(da, plan.ranks, plan.in, out);
    add_segment(da, by_columns(ke::Rows<const T>{plan.t, plan.tokens, plan.ranks, plan.ranks}), by_columns(x));
    if (cudaError_t e = product(da, Layout::tn, stream)) return e;
    for (int i = 0; i < plan.n; i++)
        if (plan.p[i].lora()) parts[count++] = {plan.p[i].da, plan.slabs + plan.offset[i] * plan.in, plan.in, out.slab, nullptr, 1.f, ke::Store::add};
    if (cudaError_t e = sum_slabs(parts, count, da.splits, stream)) return e;
    // dB += s dy^T xa
    Product<T, float> db;
    db.splits = plan.gradient_splits[1];
    float* slab = plan.slabs;
    count = 0;
    for (int i = 0; i < plan.n; i++) {
        const LoraProjection<T>& p = plan.p[i];
        if (!p.lora()) continue;
        Output<float> to = into(ke::Rows<float>{slab, p.outputs(), p.a.rows, p.a.rows});
        to.slab = p.outputs() * p.a.rows;
        add_piece(db, p.outputs(), p.a.rows, to);
        add_segment(db, by_columns(ke::Rows<const T>(p.y)), by_columns(ke::Rows<const T>(p.xa)));
        parts[count++] = {p.db, slab, p.a.rows, to.slab, nullptr, p.scale, ke::Store::add};
        slab += db.splits * to.slab;
    }
    if (cudaError_t e = product(db, Layout::tn, stream)) return e;
    return sum_slabs(parts, count, db.splits, stream);
}
}  // namespace

template <class T> size_t lora_matmul_workspace(const LoraProjection<T>* p, int n, int64_t tokens, int64_t in, LoraThreshold threshold, bool backward) {
    if (n < 1 || n > kMostProjections) return 0;
    Carver c{nullptr};
    Plan<T>(p, n, tokens, in, threshold, backward, true, c);
    return c.used;
}

template <class T>
cudaError_t lora_matmul(const LoraProjection<T>* p, int n, ke::Rows<const T> x, LoraThreshold threshold, void* workspace, size_t bytes, cudaStream_t stream) {
    if (n < 1 || n > kMostProjections) return cudaErrorInvalidValue;
    if (!x.rows) return cudaSuccess;
    Carver c{(char*)workspace};
    const Plan<T> plan(p, n, x.rows, x.cols, threshold, false, true, c);
    if (c.used > bytes) return cudaErrorInvalidValue;
    if constexpr (!std::is_same<T, float>::value)
        if (plan.vector) return forward_vector(plan, x, stream);
    if (cudaError_t e = plan.pack_factors(stream)) return e;
    if (cudaError_t e = inner(plan, x, stream)) return e;
    if constexpr (!std::is_same<T, float>::value)
        if (plan.packed) return forward_packed(plan, x, stream);
    return forward_dense(plan, x, stream);
}

template <class T>
cudaError_t dlora_matmul(ke::Rows<T> dx, const LoraProjection<T>* p, int n, ke::Rows<const T> x, ke::Store store, LoraThreshold threshold, void* workspace, size_t bytes,
                         cudaStream_t stream) {
    if (n < 1 || n > kMostProjections) return cudaErrorInvalidValue;
    if (!x.rows) return cudaSuccess;
    Carver c{(char*)workspace};
    const Plan<T> plan(p, n, x.rows, x.cols, threshold, true, dx.data != nullptr, c);
    if (c.used > bytes) return cudaErrorInvalidValue;
    if (plan.ranks) {
        if (cudaError_t e = plan.pack_factors(stream)) return e;
        if (cudaError_t e = inner_gradient(plan, stream)) return e;
    }
    if (dx.data) {
        cudaError_t e = cudaSuccess;
        if constexpr (!std::is_same<T, float>::value) e = plan.packed ? input_gradient_packed(plan, dx, store, stream) : input_gradient_dense(plan, dx, store, stream);
        else e = input_gradient_dense(plan, dx, store, stream);
        if (e) return e;
    }
    return plan.ranks ? factor_gradients(plan, x, stream) : cudaSuccess;
}

cudaError_t lora_merge(ke::Rows<float> y, ke::Rows<const float> b, ke::Rows<const float> a, float scale, cudaStream_t stream) {
    Product<float, float> p;
    add_piece(p, y.rows, y.cols, into(y, ke::Store::add, scale));
    add_segment(p, by_rows(b), by_columns(a));
    return product(p, Layout::nn, stream);
}

#define INSTANTIATE(T)                                                                                                                                        \
    template size_t lora_matmul_workspace(const LoraProjection<T>*, int, int64_t, int64_t, LoraThreshold, bool);                                              \
    template cudaError_t lora_matmul(const LoraProjection<T>*, int, ke::Rows<const T>, LoraThreshold, void*, size_t, cudaStream_t);                           \
    template cudaError_t dlora_matmul(ke::Rows<T>, const LoraProjection<T>*, int, ke::Rows<const T>, ke::Store, LoraThreshold, void*, size_t, cudaStream_t);
INSTANTIATE(float)
INSTANTIATE(__half)
INSTANTIATE(__nv_bfloat16)
#undef INSTANTIATE
}  // namespace kernels
