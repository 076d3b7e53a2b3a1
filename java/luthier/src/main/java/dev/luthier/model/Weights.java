package dev.luthier.model;

import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The frozen weights of a model on a device.
 *
 * @param embedding [V, H]
 * @param head      [V, H]; the embedding itself when tied
 * @param finalNorm [1, H] F32
 * @param layers    one per block
 * @param ropes     [1, n] F32 frequencies, one per {@link ModelConfig#ropes}
 * @param longRopes the same for long texts; null entries where there is one table only
 */
public record Weights(ModelConfig config, Matrix embedding, Matrix head, Tensor finalNorm, List<Layer> layers, List<Tensor> ropes,
                      List<Tensor> longRopes) {
    /**
     * @param inputNorm    before attention
     * @param postNorm     after attention, before the MLP (Gemma: on the attention's output)
     * @param preMlpNorm   Gemma: before the MLP; else null
     * @param postMlpNorm  Gemma: on the MLP's output; else null
     * @param qNorm        per-head norm of q, or null; kNorm likewise
     * @param matrices     weights of the projections
     * @param biases       [1, out] F32, only of those that have one
     */
    public record Layer(Tensor inputNorm, Tensor postNorm, Tensor preMlpNorm, Tensor postMlpNorm, Tensor qNorm, Tensor kNorm,
                        Map<Projection, Matrix> matrices, Map<Projection, Tensor> biases) {
    }

    /** Where weights come from: a checkpoint being loaded, or a count of what it would take. */
    public interface Store {
        /** A projection [rows, cols], in the type the run asks for. */
        Matrix projection(String name, long rows, long cols);

        /** The embedding or the head [rows, cols]. */
        Matrix table(String name, long rows, long cols);

        /** A norm or a bias [1, n] as F32. */
        Tensor vector(String name, long n);

        /** Numbers the configuration implies, as F32 [1, n]. */
        Tensor constant(float[] values);
    }

    /** Walks through all weights of a model, in the order of the blocks. */
    public static Weights build(ModelConfig c, Store store) {
        Matrix embedding = store.table("model.embed_tokens.weight", c.vocab(), c.hidden());
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < c.layers(); i++) layers.add(layer(c, store, i));
        Tensor finalNorm = store.vector("model.norm.weight", c.hidden());
        Matrix head = c.tied() ? embedding : store.table("lm_head.weight", c.vocab(), c.hidden());
        List<Tensor> ropes = new ArrayList<>();
        List<Tensor> longRopes = new ArrayList<>();
        for (Rope rope : c.ropes()) {
            ropes.add(store.constant(rope.invFreq()));
            longRopes.add(rope.longInvFreq() == null ? null : store.constant(rope.longInvFreq()));
        }
        return new Weights(c, embedding, head, finalNorm, List.copyOf(layers), ropes, longRopes);
    }

    private static Layer layer(ModelConfig c, Store store, int i) {
        String at = "model.layers." + i + ".";
        boolean gemma = c.family().gemma();
        boolean qkNorm = c.family().qkNorm();
        Map<Projection, Matrix> matrices = new EnumMap<>(Projection.class);
        Map<Projection, Tensor> biases = new EnumMap<>(Projection.class);
        for (Projection p : Projection.of(c)) {
            matrices.put(p, store.projection(p.module(i) + ".weight", p.out(c), p.in(c)));
            if (p.hasBias(c)) biases.put(p, store.vector(p.module(i) + ".bias", p.out(c)));
        }
        return new Layer(store.vector(at + "input_layernorm.weight", c.hidden()), store.vector(at + "post_attention_layernorm.weight", c.hidden()),
                gemma ? store.vector(at + "pre_feedforward_layernorm.weight", c.hidden()) : null,
                gemma ? store.vector(at + "post_feedforward_layernorm.weight", c.hidden()) : null,
                qkNorm ? store.vector(at + "self_attn.q_norm.weight", c.headDim()) : null,
                qkNorm ? store.vector(at + "self_attn.k_norm.weight", c.headDim()) : null, matrices, biases);
    }

    /** The frequencies of a layer for a batch that reaches this many positions. */
    public Tensor rope(int layer, int length) {
        int r = config.layerKinds().get(layer).rope();
        return config.ropes().get(r).usesLong(length) ? longRopes.get(r) : ropes.get(r);
    }
}
