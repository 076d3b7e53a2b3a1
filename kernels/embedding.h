// Launchers of embedding.cu. T (of y) and W are float, __half or __nv_bfloat16.
#pragma once
#include "nf4.h"
#include "rows.h"

namespace kernels {
// y[t] = scale w[ids[t]], rounded once
template <class T, class W> cudaError_t embedding(ke::Rows<T> y, RowNumbers ids, ke::Rows<const W> w, float scale, cudaStream_t stream);
template <class T> cudaError_t embedding_nf4(ke::Rows<T> y, RowNumbers ids, const Nf4& w, float scale, cudaStream_t stream);
}  // namespace kernels
