// Launcher of dattention.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "attention.h"

namespace kernels {
// dq, dk, dv = gradients. delta [T, heads] is scratch. Deterministic.
template <class T>
cudaError_t dattention(ke::Rows<T> dq, ke::Rows<T> dk, ke::Rows<T> dv, ke::Rows<float> delta, ke::Rows<const T> dout, ke::Rows<const T> o,
                       ke::Rows<const float> lse, ke::Rows<const T> q, ke::Rows<const T> k, ke::Rows<const T> v, const AttentionShape& shape,
                       cudaStream_t stream);
}  // namespace kernels
