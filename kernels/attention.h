// Attention over packed sequences: launchers of attention.cu. T is float, __half or __nv_bfloat16.
#pragma once
#include "ke/rows.h"

namespace kernels {
// What a call of attention is about, beside its matrices. cu_seqlens [sequences + 1]: sequence s holds the query tokens
// [cu_seqlens[s], cu_seqlens[s + 1]).
struct AttentionShape {
    const int32_t* cu_seqlens;
    int32_t sequences, heads, kv_heads;   // kv_heads divides heads; query head h reads kv head h / (heads / kv_heads)
    int32_t head_dim;                     // 8..256, a multiple of 8
    int32_t window;                       // the query at p sees keys k with p - window < k <= p; 0: all k <= p
    int32_t max_seqlen;                   // the longest sequence, or any bound of it: the grid is made for it
    float scale;                          // of q k^T
    float softcap;                        // scores = cap tanh(scores / cap); 0: none
};

// The keys of a paged cache: key j of sequence s is row pages[s * stride + j / size] * size + j % size of it. Sequence s has
// kv_lens[s] keys, and its queries are the last of them. pages null: the keys are packed as the queries are.
struct Paging {
    const int32_t *pages, *kv_lens;
    int64_t stride;
    int32_t size;
};

// o, q [T, heads * head_dim], k, v [T, kv_heads * head_dim]. lse [T, heads] receives the log-sum-exp of the scores (natural),
// or lse.data is null.
template <class T>
cudaError_t attention(ke::Rows<T> o, ke::Rows<float> lse, ke::Rows<const T> q, ke::Rows<const T> k, ke::Rows<const T> v, const AttentionShape& shape,
                      cudaStream_t stream);

// The same over a paged cache, for sequences of many queries (prefill); max_seqlen bounds the queries of a sequence. For few
// queries and many keys: paged_attention.h.
template <class T>
cudaError_t attention_prefill(ke::Rows<T> o, ke::Rows<const T> q, ke::Rows<const T> kcache, ke::Rows<const T> vcache, const Paging& paging,
                              const AttentionShape& shape, cudaStream_t stream);
}  // namespace kernels
