// Attention of few queries over many cached keys: launchers of paged_attention.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "attention.h"

namespace kernels {
// Into how many pieces the keys of each sequence are cut so that the device has work: a function of the shape and the device
// alone. most_keys: of any sequence.
int32_t paged_attention_splits(const AttentionShape& shape, int32_t most_keys, int32_t multiprocessors);

// Floats of scratch that paged_attention wants for `tokens` queries.
int64_t paged_attention_scratch(const AttentionShape& shape, int64_t tokens, int32_t splits);

// o, q [T, heads * head_dim]; kcache, vcache [pages * size, kv_heads * head_dim]. Any number of queries a sequence, but meant for a
// few: attention_prefill serves many better. shape.max_seqlen is not looked at. Deterministic.
template <class T>
cudaError_t paged_attention(ke::Rows<T> o, float* scratch, ke::Rows<const T> q, ke::Rows<const T> kcache, ke::Rows<const T> vcache, const Paging& paging,
                            const AttentionShape& shape, int32_t splits, cudaStream_t stream);
}  // namespace kernels
