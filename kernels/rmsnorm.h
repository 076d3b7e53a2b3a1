// Launchers of rmsnorm.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "ke/rows.h"

namespace kernels {
// r_t = 1 / sqrt(mean_c x^2 + eps),  y = x r (g + offset).  g [C]; rstd [T] receives r, or is null. y may be x.
template <class T>
cudaError_t rmsnorm(ke::Rows<T> y, float* rstd, ke::Rows<const T> x, const float* g, float offset, float eps, cudaStream_t stream);

// u = dy (g + offset):  dx (set or add) r (u - x r^2 mean_c(u x)).  dx may be dy when it is set.
template <class T>
cudaError_t drmsnorm(ke::Rows<T> dx, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd, const float* g, float offset, ke::Store store,
                     cudaStream_t stream);

// dg [C] += sum_t dy x r. Deterministic.
template <class T> cudaError_t drmsnorm_gain(float* dg, ke::Rows<const T> dy, ke::Rows<const T> x, const float* rstd, cudaStream_t stream);
}  // namespace kernels
