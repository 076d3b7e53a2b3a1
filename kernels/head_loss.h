// Launchers of head_loss.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "ke/rows.h"

namespace kernels {
struct HeadLossParams {
    float grad_scale;   // dx = grad_scale * d(sum of nll)/dx
    float softcap;      // logits = cap tanh(logits / cap); 0: none
    float smoothing;    // nll = (1 - s) (-log p[label]) + s mean_v(-log p[v])
    int32_t ignore;     // label of a token that does not count: nll 0, dx 0
};

// Bytes of workspace with which head_loss takes `chunk` tokens at a time; more of them make it faster up to some 512.
size_t head_loss_workspace(int64_t tokens, int64_t vocab, int64_t chunk);

// nll [T, 1]; dx [T, H] = gradient, data null: none; best [T, 1] = argmax of the logits, the lowest on a tie, data null: none;
// x [T, H], w [V, H], labels [T, 1]. A label that is neither ignore nor within [0, V) gives nll NaN and dx 0.
// workspace: 256-byte aligned, at least head_loss_workspace(T, V, 1), else cudaErrorInvalidValue. Deterministic.
template <class T>
cudaError_t head_loss(ke::Rows<float> nll, ke::Rows<T> dx, ke::Rows<int32_t> best, ke::Rows<const T> x, ke::Rows<const T> w, ke::Rows<const int32_t> labels,
                      const HeadLossParams& p, void* workspace, size_t bytes, cudaStream_t stream);
}  // namespace kernels
