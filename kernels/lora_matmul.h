// Launchers of lora_matmul.cu: projections with a low-rank update. T is float, __half or __nv_bfloat16.
#pragma once
#include "nf4.h"
#include "product.h"

namespace kernels {
// y = x W^T + bias + scale (x A^T) B^T for one of up to kMostProjections projections that read the same x.
template <class T> struct LoraProjection {
    ke::Rows<const T> w;          // [out, in]; or data null and
    Nf4 nf4;                      // the same in 4 bits; else data null
    const float* bias;            // [out], or null
    ke::Rows<const float> a, b;   // [r, in], [out, r]; data null: no update, and what follows but y is not used
    ke::Rows<T> xa;               // [tokens, r]: x A^T, written by forward, read by backward
    ke::Rows<float> da, db;       // [r, in], [out, r], += in backward
    ke::Rows<T> y;                // [tokens, out]: output of forward; dy in backward
    float scale;

    bool lora() const { return a.data != nullptr; }
    int64_t outputs() const { return nf4.data ? nf4.rows : w.rows; }
};

// 4-bit matrices stay packed up to this many tokens (and T of 16 bits, in a multiple of 64); above, they are dequantized into the
// workspace, all of a call together, and multiplied densely. With up to kGemvTokens forward takes gemv_nf4 in any case.
struct LoraThreshold {
    int64_t packed_tokens;
};

// Bytes of workspace of the two calls below with these shapes; addresses in p and x are not used, but which are null is.
template <class T> size_t lora_matmul_workspace(const LoraProjection<T>* p, int n, int64_t tokens, int64_t in, LoraThreshold threshold, bool backward);

// Forward. workspace: 256-byte aligned; cudaErrorInvalidValue when it is too small.
template <class T>
cudaError_t lora_matmul(const LoraProjection<T>* p, int n, ke::Rows<const T> x, LoraThreshold threshold, void* workspace, size_t bytes, cudaStream_t stream);

// Backward, p.y holding dy:  t = scale dy B;  dx (store) sum over p of (dy W + t A);  dA += t^T x;  dB += scale dy^T xa.
// dx.data null: only dA and dB. Deterministic.
template <class T>
cudaError_t dlora_matmul(ke::Rows<T> dx, const LoraProjection<T>* p, int n, ke::Rows<const T> x, ke::Store store, LoraThreshold threshold, void* workspace, size_t bytes,
                         cudaStream_t stream);

// y += scale b a in fp32: y [n, in] holds rows of W, b [n, r] the same rows of B, a [r, in].
cudaError_t lora_merge(ke::Rows<float> y, ke::Rows<const float> b, ke::Rows<const float> a, float scale, cudaStream_t stream);
}  // namespace kernels
