package dev.luthier.ops;

import dev.luthier.engine.Tensor;

/**
 * {@code lt_attention_params}.
 *
 * @param cuSeqlens [n + 1, 1] I32: sequence s holds the query tokens [cu[s], cu[s+1])
 * @param heads     query heads
 * @param kvHeads   divides heads
 * @param headDim   elements of a head
 * @param window    a query at p sees keys k with p - window &lt; k &lt;= p; 0: all k &lt;= p
 * @param maxSeqlen longest sequence (paged: most keys)
 * @param scale     of q kᵀ
 * @param softcap   of the scores; 0: none
 */
public record AttentionParams(Tensor cuSeqlens, int heads, int kvHeads, int headDim, int window, int maxSeqlen, float scale, float softcap) {
}
