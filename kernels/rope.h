// Launcher of rope.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "ke/rows.h"

namespace kernels {
// Rotates dims (i, i + pairs) of every head of q and k (k.data may be null) by pos[t] * inv_freq[i], times direction (+1 or -1),
// and scales them by mscale. q, k [T, a multiple of head_dim] in place; pos [T] lies pos_stride elements apart; inv_freq [pairs].
template <class T>
cudaError_t rope(ke::Rows<T> q, ke::Rows<T> k, const int32_t* pos, int64_t pos_stride, const float* inv_freq, int32_t pairs, int32_t head_dim,
                 float mscale, int32_t direction, cudaStream_t stream);
}  // namespace kernels
