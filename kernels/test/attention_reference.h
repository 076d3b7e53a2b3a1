// Attention on the host in fp64, plainly: what the attention kernels are compared with.
#pragma once
#include <algorithm>

#include "attention.h"
#include "test.h"

namespace t {
struct AttentionCase {
    std::vector<int> lengths;      // queries of each sequence
    std::vector<int> before;       // keys before the first query (paged); empty: none
    int heads, kv_heads, dim, window;
    float softcap;
    int gap, shift;                // elements between rows, and before the first

    int queries() const {
        int n = 0;
        for (int l : lengths) n += l;
        return n;
    }
    int keys(size_t s) const { return lengths[s] + (before.empty() ? 0 : before[s]); }
    int longest() const {
        int n = 0;
        for (int l : lengths) n = l > n ? l : n;
        return n;
    }
    std::vector<int> cu_seqlens() const {
        std::vector<int> cu = {0};
        for (int l : lengths) cu.push_back(cu.back() + l);
        return cu;
    }
    float scale() const { return 1.3f / std::sqrt((float)dim); }
    kernels::AttentionShape shape(const int32_t* cu) const {
        return {cu, (int)lengths.size(), heads, kv_heads, dim, window, longest(), scale(), softcap};
    }
    const char* label(const char* type) const {
        static char text[120];
        snprintf(text, sizeof text, "%s %zu sequences of up to %d, %d/%d heads of %d, window %d cap %g", type, lengths.size(), longest(), heads, kv_heads, dim, window, softcap);
        return text;
    }
};

struct AttentionAnswer {
    std::vector<double> o, lse, dq, dk, dv;
};
// q, o [queries, heads dim]; k, v: the keys of all sequences one after another. dout empty: no gradients.
inline AttentionAnswer attention_answer(const AttentionCase& c, const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
                                        const std::vector<double>& dout) {
    AttentionAnswer a;
    const int D = c.dim, H = c.heads, G = c.kv_heads;
    a.o.resize(q.size());
    a.lse.resize((size_t)c.queries() * H);
    a.dq.resize(q.size());
    a.dk.resize(k.size());
    a.dv.resize(k.size());
    size_t token = 0, key0 = 0;
    for (size_t s = 0; s < c.lengths.size(); s++) {
        const int n = c.lengths[s], keys = c.keys(s);
        for (int i = 0; i < n; i++)
            for (int h = 0; h < H; h++) {
                const int p = keys - n + i, low = c.window ? std::max(0, p - c.window + 1) : 0, kv = h / (H / G);
                const double* x = &q[((token + i) * H + h) * D];
                auto row = [&](const std::vector<double>& m, int j) { return &m[((key0 + j) * G + kv) * D]; };
                std::vector<double> weight(p + 1), slope(p + 1, 1.0);
                double most = -1e300, sum = 0;
                for (int j = low; j <= p; j++) {
                    double dot = 0;
                    for (int d = 0; d < D; d++) dot += x[d] * row(k, j)[d];
                    dot *= c.scale();
                    if (c.softcap > 0) {
                        const double th = std::tanh(dot / c.softcap);
                        dot = c.softcap * th;
                        slope[j] = 1 - th * th;
                    }
                    weight[j] = dot;
                    most = std::max(most, dot);
                }
                for (int j = low; j <= p; j++) sum += std::exp(weight[j] - most);
                const double lse = a.lse[(token + i) * H + h] = most + std::log(sum);
                double* out = &a.o[((token + i) * H + h) * D];
                for (int j = low; j <= p; j++) {
                    weight[j] = std::exp(weight[j] - lse);
                    for (int d = 0; d < D; d++) out[d] += weight[j] * row(v, j)[d];
                }
                if (dout.empty()) continue;
                const double* g = &dout[((token + i) * H + h) * D];
                double delta = 0;
                for (int d = 0; d < D; d++) delta += g[d] * out[d];
                for (int j = low; j <= p; j++) {
                    double dp = 0;
                    for (int d = 0; d < D; d++) dp += g[d] * row(v, j)[d];
                    const double ds = weight[j] * (dp - delta) * slope[j] * c.scale();
                    for (int d = 0; d < D; d++) {
                        a.dq[((token + i) * H + h) * D + d] += ds * row(k, j)[d];
                        a.dk[((key0 + j) * G + kv) * D + d] += ds * x[d];
                        a.dv[((key0 + j) * G + kv) * D + d] += weight[j] * g[d];
                    }
                }
            }
        token += n;
        key0 += keys;
    }
    return a;
}
template <class T> std::vector<double> doubles(const std::vector<T>& v) {
    std::vector<double> d;
    for (const T& x : v) d.push_back(to_double(x));
    return d;
}
// Random keys and values of a paged case, one after another and in the pages of a cache; the rest of the cache is NaN.
template <class T> struct PageCase {
    explicit PageCase(const AttentionCase& c) {
        const int width = c.kv_heads * c.dim;
        size_t total = 0;
        for (size_t s = 0; s < c.lengths.size(); s++) {
            lens.push_back(c.keys(s));
            total += c.keys(s);
            most = std::max(most, (c.keys(s) + size - 1) / size);
        }
        table.assign(most * lens.size(), -1);
        rows = most * (int)lens.size() * size;
        int next = rows / size;   // from the back of the cache to its front, in turn over the sequences
        for (int p = 0; p < most; p++)
            for (size_t s = 0; s < lens.size(); s++)
                if (p * size < lens[s]) table[s * most + p] = --next;
        k = random<T>(total * width, 2.f);
        v = random<T>(total * width);
        k_rows.assign((size_t)rows * width, ke::from_float<T>(NAN));
        v_rows = k_rows;
        size_t row = 0;
        for (size_t s = 0; s < lens.size(); s++)
            for (int j = 0; j < lens[s]; j++, row++) {
                const size_t at = (size_t)table[s * most + j / size] * size + j % size;
                std::copy_n(&k[row * width], width, &k_rows[at * width]);
                std::copy_n(&v[row * width], width, &v_rows[at * width]);
            }
    }
    static constexpr int size = 4;
    int most = 0, rows = 0;
    std::vector<int> lens, table;
    std::vector<T> k, v, k_rows, v_rows;
};
// of one 16-bit rounding of what is multiplied; sm_75 has fp16 alone, everyone else multiplies fp32 as bf16
template <class T> double product_ulp() { return std::is_same<T, __half>::value ? ulp<__half>() : ulp<__nv_bfloat16>(); }
}  // namespace t
