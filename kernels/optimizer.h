// Launchers of optimizer.cu.
#pragma once
#include "ke/rows.h"

namespace kernels {
// Partial sums of grad_norm: kNormParts of them are its scratch.
struct NormPart {
    double squares;
    int64_t wild;   // elements that are not finite
};
constexpr int kNormParts = 512;

// norm[0] = sqrt(sum (g scale)^2), norm[1] = number of elements that are not finite after scaling. Deterministic.
cudaError_t grad_norm(float* norm, NormPart* scratch, ke::Rows<const float> g, float scale, cudaStream_t stream);

// The numbers of one update; beta^step is taken in fp64.
struct AdamwUpdate {
    float lr, beta1, beta2, eps, weight_decay;
    float clip;          // gradients *= min(1, clip / (norm + 1e-6)); 0: no clipping
    float grad_scale;    // gradients *= this first
    int32_t step;        // 1 for the first
};
constexpr int kStateBlock = 256;   // elements of 8-bit state that share a scale

// param, m, v [n] updated by grad [n], n a multiple of 256, all 16-byte aligned; nothing happens when norm (of grad_norm, on the
// device) tells of a gradient that is not finite.
cudaError_t adamw(float* param, const float* grad, float* m, float* v, const float* norm, int64_t n, const AdamwUpdate& update, cudaStream_t stream);
// The same with 8-bit states: codes [n], scales [n / 256].
cudaError_t adamw_8bit(float* param, const float* grad, uint8_t* m, uint8_t* v, float* m_absmax, float* v_absmax, const float* norm, int64_t n,
                       const AdamwUpdate& update, cudaStream_t stream);
}  // namespace kernels
