package dev.luthier.model;

import java.util.List;

/** The linear layers of a block, by their Hugging Face names. */
public enum Projection {
    Q("self_attn", "q_proj"), K("self_attn", "k_proj"), V("self_attn", "v_proj"), QKV("self_attn", "qkv_proj"), O("self_attn", "o_proj"),
    GATE("mlp", "gate_proj"), UP("mlp", "up_proj"), GATE_UP("mlp", "gate_up_proj"), DOWN("mlp", "down_proj");

    private static final List<Projection> SEPARATE = List.of(Q, K, V, O, GATE, UP, DOWN);
    private static final List<Projection> FUSED = List.of(QKV, O, GATE_UP, DOWN);

    private final String parent;
    private final String shortName;

    Projection(String parent, String shortName) {
        this.parent = parent;
        this.shortName = shortName;
    }

    /** "q_proj": what LoRA's target_modules name. */
    public String shortName() {
        return shortName;
    }

    /** "model.layers.3.self_attn.q_proj". */
    public String module(int layer) {
        return "model.layers." + layer + "." + parent + "." + shortName;
    }

    /** The projections that a block of this model has, in the order they run. */
    public static List<Projection> of(ModelConfig c) {
        return c.family().fused() ? FUSED : SEPARATE;
    }

    /** Rows of the weight. */
    public int out(ModelConfig c) {
        return switch (this) {
            case Q -> c.queryDim();
            case K, V -> c.kvDim();
            case QKV -> c.queryDim() + 2 * c.kvDim();
            case O, DOWN -> c.hidden();
            case GATE, UP -> c.intermediate();
            case GATE_UP -> 2 * c.intermediate();
        };
    }

    /** Columns of the weight. */
    public int in(ModelConfig c) {
        return switch (this) {
            case Q, K, V, QKV, GATE, UP, GATE_UP -> c.hidden();
            case O -> c.queryDim();
            case DOWN -> c.intermediate();
        };
    }

    public boolean hasBias(ModelConfig c) {
        return c.family().qkvBias() && (this == Q || this == K || this == V || this == QKV);
    }
}
