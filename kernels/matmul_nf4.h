// Launchers of matmul_nf4.cu: products with a 4-bit matrix that stays packed until it is in registers.
// T is __half or __nv_bfloat16, Out is T or float.
#pragma once
#include "nf4.h"
#include "product.h"

namespace kernels {
// A low-rank term of the same output: left [T, r] and right, [out, r] beside W and [r, in] beside its transpose.
template <class T> struct LowRank {
    ke::Rows<const T> left, right;
};

// How many parts of K (each a slab of T x cols floats) fill the device; 1 for large products.
int matmul_nf4_splits(int64_t rows, int64_t cols, int64_t depth);

// y (store) x W^T + bias + left right^T.  y [T, out], x [T, in], w [out, in]; bias [out] or null, low or null.
// slabs: splits * T * out floats; may be null when splits is 1.
// cudaErrorInvalidValue unless w.whole_blocks(); cudaErrorNotSupported for bf16 on sm_75.
template <class T, class Out>
cudaError_t matmul_nf4(ke::Rows<Out> y, ke::Rows<const T> x, const Nf4& w, ke::Store store, const float* bias, const LowRank<T>* low, float* slabs, int splits,
                       cudaStream_t stream);

// dx (store) dy W + left right.  dx [T, in], dy [T, out], w [out, in]. The rest as above.
template <class T, class Out>
cudaError_t dmatmul_nf4(ke::Rows<Out> dx, ke::Rows<const T> dy, const Nf4& w, ke::Store store, const LowRank<T>* low, float* slabs, int splits, cudaStream_t stream);
}  // namespace kernels
