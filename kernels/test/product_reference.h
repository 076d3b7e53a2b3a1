// Products on the host in fp64, and how far a product of 16-bit operands may be from them.
#pragma once
#include "test.h"

namespace t {
template <class T> std::vector<double> widen(const std::vector<T>& v) {
    std::vector<double> r;
    for (const T& x : v) r.push_back(to_double(x));
    return r;
}
// y [M, N] += alpha * sum_k a(m, k) b(n, k), with the strides of k and of the outer index of each
struct Side {
    const std::vector<double>& v;
    int64_t outer, depth;   // strides
};
inline void add_product(std::vector<double>& y, int M, int N, int K, Side a, Side b, double alpha = 1) {
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += a.v[m * a.outer + k * a.depth] * b.v[n * b.outer + k * b.depth];
            y[(size_t)m * N + n] += alpha * sum;
        }
}
inline Side rows(const std::vector<double>& v, int cols) { return {v, cols, 1}; }      // the outer index counts rows
inline Side columns(const std::vector<double>& v, int cols) { return {v, 1, cols}; }
}  // namespace t
