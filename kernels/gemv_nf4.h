// Launchers of gemv_nf4.cu: up to 8 tokens times a 4-bit matrix. T is __half or __nv_bfloat16, Out is T or float.
#pragma once
#include "nf4.h"

namespace kernels {
constexpr int kGemvTokens = 8;

// scale * xa B^T, added to the output: xa [T, r], b [out, r].
template <class T> struct GemvLowRank {
    ke::Rows<const T> xa;
    ke::Rows<const float> b;
    float scale;
};

// y (store) x W^T + bias + low.  y [T, out], x [T, in], T at most 8; w [out, in]; bias [out] or null, low or null. Deterministic.
// cudaErrorInvalidValue with more tokens, or unless w.whole_blocks(); cudaErrorNotSupported for bf16 on sm_75.
template <class T, class Out>
cudaError_t gemv_nf4(ke::Rows<Out> y, ke::Rows<const T> x, const Nf4& w, ke::Store store, const float* bias, const GemvLowRank<T>* low, cudaStream_t stream);

// xa = x A^T for few tokens: xa [T, r], x [T, in], a [r, in]. T may be float too.
template <class T> cudaError_t gemv_rank(ke::Rows<T> xa, ke::Rows<const T> x, ke::Rows<const float> a, cudaStream_t stream);
}  // namespace kernels
