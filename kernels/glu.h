// Launchers of glu.cu. T is float, __half or __nv_bfloat16; all matrices of a call have one shape.
#pragma once
#include "ke/rows.h"

namespace kernels {
enum class Gate { silu, gelu_tanh };

// y = act(gate) up; y may be gate or up
template <class T> cudaError_t glu(ke::Rows<T> y, ke::Rows<const T> gate, ke::Rows<const T> up, Gate act, cudaStream_t stream);

// dgate = dy up act'(gate), dup = dy act(gate); dgate may be gate, dup may be up, either may be dy
template <class T>
cudaError_t dglu(ke::Rows<T> dgate, ke::Rows<T> dup, ke::Rows<const T> dy, ke::Rows<const T> gate, ke::Rows<const T> up, Gate act, cudaStream_t stream);
}  // namespace kernels
