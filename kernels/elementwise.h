// Launchers of elementwise.cu. T, To and From are float, __half or __nv_bfloat16; all matrices of a call have one shape.
#pragma once
#include "ke/rows.h"

namespace kernels {
template <class T> cudaError_t add(ke::Rows<T> y, ke::Rows<const T> a, ke::Rows<const T> b, cudaStream_t stream);   // y = a + b; y may be a or b
template <class To, class From> cudaError_t cast(ke::Rows<To> y, ke::Rows<const From> x, cudaStream_t stream);     // y = x, to nearest even
template <class T> cudaError_t scale(ke::Rows<T> y, ke::Rows<const T> x, float s, cudaStream_t stream);            // y = s x; y may be x
template <class T> cudaError_t softcap(ke::Rows<T> x, float cap, cudaStream_t stream);                             // x = cap tanh(x / cap)
template <class T> cudaError_t fill(ke::Rows<T> y, float value, cudaStream_t stream);                              // y = value
}  // namespace kernels
