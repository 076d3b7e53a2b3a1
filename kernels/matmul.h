// Launchers of matmul.cu: products of dense matrices. T is float, __half or __nv_bfloat16, Out is T or float.
#pragma once
#include "ke/rows.h"

namespace kernels {
// y (store) x W^T.  y [T, out], x [T, in], w [out, in].
template <class T, class Out> cudaError_t matmul(ke::Rows<Out> y, ke::Rows<const T> x, ke::Rows<const T> w, ke::Store store, cudaStream_t stream);

// dx (store) dy W.  dx [T, in], dy [T, out], w [out, in].
template <class T, class Out> cudaError_t dmatmul(ke::Rows<Out> dx, ke::Rows<const T> dy, ke::Rows<const T> w, ke::Store store, cudaStream_t stream);
}  // namespace kernels
