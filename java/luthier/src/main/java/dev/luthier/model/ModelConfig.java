package dev.luthier.model;

import dev.luthier.engine.Limits;
import dev.luthier.ops.Ops.Activation;
import java.util.List;

/**
 * The shape and arithmetic of a model, whatever file said it.
 *
 * @param hidden           size of the residual stream
 * @param layers           number of blocks
 * @param heads            query heads
 * @param kvHeads          key/value heads, divides heads
 * @param headDim          elements of a head
 * @param intermediate     size inside the gated MLP
 * @param vocab            rows of the embedding
 * @param maxPositions     context length
 * @param normEps          epsilon of every RMSNorm
 * @param activation       of the gate
 * @param tied             the head is the embedding
 * @param attentionScale   of q kᵀ
 * @param attentionSoftcap of the scores; 0: none
 * @param logitSoftcap     of the logits; 0: none
 * @param layerKinds       per block: window and which of {@link #ropes}
 * @param ropes            rotary tables, one per kind of layer
 * @param bosId            first token of a text, or -1
 * @param eosIds           tokens that end a text, may be empty
 */
public record ModelConfig(Family family, int hidden, int layers, int heads, int kvHeads, int headDim, int intermediate, int vocab, int maxPositions,
                          float normEps, Activation activation, boolean tied, float attentionScale, float attentionSoftcap, float logitSoftcap,
                          List<LayerKind> layerKinds, List<Rope> ropes, int bosId, List<Integer> eosIds) {
    /**
     * @param window keys a query sees, itself included; 0: all
     * @param rope   index into {@link ModelConfig#ropes}
     */
    public record LayerKind(int window, int rope) {
    }

    public int queryDim() {
        return heads * headDim;
    }

    public int kvDim() {
        return kvHeads * headDim;
    }

    /** Added to norm weights: Gemma stores w for 1 + w. */
    public float normOffset() {
        return family.gemma() ? 1 : 0;
    }

    /** What the embedding is multiplied with. */
    public float embeddingScale() {
        return family.gemma() ? (float) Math.sqrt(hidden) : 1;
    }

    /** Number of weights of the projections in the blocks: the P of "6 P flops a token". */
    public long linearParameters() {
        long attention = 2L * hidden * queryDim() + 2L * hidden * kvDim();
        return layers * (attention + 3L * hidden * intermediate);
    }

    /** All weights, the embedding counted once when tied. */
    public long parameters() {
        long norms = (long) layers * (hidden * (family.gemma() ? 4L : 2L) + (family.qkNorm() ? 2L * headDim : 0)) + hidden;
        long biases = family.qkvBias() ? (long) layers * (queryDim() + 2L * kvDim()) : 0;
        return linearParameters() + norms + biases + (tied ? 1L : 2L) * vocab * hidden;
    }

    /** Shapes of the largest calls a pass over this many tokens makes. */
    public Limits limits(long tokens, long sequences, int rank) {
        long features = Math.max(Math.max(hidden, queryDim() + (family.fused() ? 2 * kvDim() : 0)), intermediate * (family.fused() ? 2L : 1L));
        return new Limits(tokens, features, hidden, vocab, sequences, heads, headDim, rank);
    }
}
