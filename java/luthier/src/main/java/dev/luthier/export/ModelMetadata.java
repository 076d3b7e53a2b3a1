package dev.luthier.export;

import dev.luthier.io.GgufValue;
import dev.luthier.model.ModelConfig;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The keys {@code llama.*}, {@code qwen2.*}, ...: shape and arithmetic of a model, each family's in the order in which llama.cpp's converter writes
 * them ({@code set_gguf_parameters} of its conversion classes).
 */
final class ModelMetadata {
    private static final double DEFAULT_THETA = 10_000;
    private static final double GEMMA3_THETA = 1_000_000;

    private final Map<String, GgufValue> keys;
    private final ModelConfig c;
    private final JsonNode json;
    private final String arch;
    private final GgufValue fileType;

    private ModelMetadata(Map<String, GgufValue> keys, ModelConfig model, JsonNode json, ExportType type) {
        this.keys = keys;
        this.c = model;
        this.json = json;
        this.arch = model.family().ggufArchitecture();
        this.fileType = GgufValue.uint32(type.fileType());
    }

    static void add(Map<String, GgufValue> keys, ModelConfig model, JsonNode config, ExportType type) {
        ModelMetadata m = new ModelMetadata(keys, model, config, type);
        switch (model.family()) {
            case LLAMA, MISTRAL -> m.llama();
            case QWEN2, QWEN3 -> m.common();
            case GEMMA2 -> m.gemma2();
            case GEMMA3 -> m.gemma3();
            case PHI3 -> m.phi3();
        }
    }

    /** LongRoPE's factor on attention, which the converter writes before all else. */
    static void addFirst(Map<String, GgufValue> keys, ModelConfig model) {
        if (model.ropes().getFirst().longInvFreq() != null)
            keys.put(model.family().ggufArchitecture() + ".rope.scaling.attn_factor", GgufValue.float32(model.ropes().getFirst().mscale()));
    }

    private void put(String key, long value) {
        keys.put(arch + "." + key, GgufValue.uint32(value));
    }

    private void put(String key, double value) {
        keys.put(arch + "." + key, GgufValue.float32((float) value));
    }

    private void headSize() {
        put("attention.key_length", (long) c.headDim());
        put("attention.value_length", (long) c.headDim());
    }

    private void fileType() {
        keys.put(GgufMetadata.FILE_TYPE, fileType);
    }

    private void common() {
        put("block_count", (long) c.layers());
        put("context_length", (long) c.maxPositions());
        put("embedding_length", (long) c.hidden());
        put("feed_forward_length", (long) c.intermediate());
        put("attention.head_count", (long) c.heads());
        put("attention.head_count_kv", (long) c.kvHeads());
        JsonNode rope = fullRope(json);
        if (ropeType(rope).equals("linear")) {
            keys.put(arch + ".rope.scaling.type", GgufValue.string("linear"));
            put("rope.scaling.factor", rope.path("factor").asDouble());
        }
        put("rope.freq_base", theta(rope));
        JsonNode sliding = json.path("rope_parameters").path("sliding_attention").path("rope_theta");
        if (!sliding.isNumber()) sliding = json.path("rope_local_base_freq");
        if (sliding.isNumber()) put("rope.freq_base_swa", sliding.asDouble());
        put("attention.layer_norm_rms_epsilon", c.normEps());
        if (json.hasNonNull("head_dim") || !c.family().ggufArchitecture().equals("qwen2")) headSize();
        fileType();
    }

    private void llama() {
        common();
        put("vocab_size", (long) c.vocab());
        put("rope.dimension_count", (long) c.headDim());
    }

    private void gemma2() {
        gemmaShape();
        fileType();
        put("attn_logit_softcapping", c.attentionSoftcap());
        put("final_logit_softcapping", c.logitSoftcap());
        put("attention.sliding_window", slidingWindow());
    }

    private void gemmaShape() {
        put("context_length", (long) c.maxPositions());
        put("embedding_length", (long) c.hidden());
        put("block_count", (long) c.layers());
        put("feed_forward_length", (long) c.intermediate());
        put("attention.head_count", (long) c.heads());
        put("attention.head_count_kv", (long) c.kvHeads());
        put("attention.layer_norm_rms_epsilon", c.normEps());
        headSize();
    }

    private void gemma3() {
        common();
        if (c.logitSoftcap() != 0) put("final_logit_softcapping", c.logitSoftcap());
        if (json.path("sliding_window_pattern").asInt(0) != 1) put("attention.sliding_window", slidingWindow());
    }

    private void phi3() {
        put("context_length", (long) c.maxPositions());
        JsonNode rope = fullRope(json);
        JsonNode original = rope.path("original_max_position_embeddings");
        if (!original.isNumber()) original = json.path("original_max_position_embeddings");
        put("rope.scaling.original_context_length", original.asLong(c.maxPositions()));
        put("embedding_length", (long) c.hidden());
        put("feed_forward_length", (long) c.intermediate());
        put("block_count", (long) c.layers());
        put("attention.head_count", (long) c.heads());
        put("attention.head_count_kv", (long) c.kvHeads());
        put("attention.layer_norm_rms_epsilon", c.normEps());
        put("rope.dimension_count", 2L * c.ropes().getFirst().invFreq().length);
        put("rope.freq_base", theta(rope));
        fileType();
        put("attention.sliding_window", slidingWindow());
    }

    private long slidingWindow() {
        return json.path("sliding_window").asLong(0);
    }

    /** The settings of RoPE where a layer sees all positions, in config.json's newer or older form. */
    static JsonNode fullRope(JsonNode config) {
        JsonNode rope = config.path("rope_parameters");
        if (rope.path("full_attention").isObject()) return rope.path("full_attention");
        return rope.isObject() ? rope : config.path("rope_scaling");
    }

    static String ropeType(JsonNode rope) {
        return rope.path("rope_type").asString(rope.path("type").asString("default"));
    }

    private double theta(JsonNode rope) {
        return theta(json, rope, arch.equals("gemma3") ? GEMMA3_THETA : DEFAULT_THETA);
    }

    static double theta(JsonNode config, JsonNode rope, double otherwise) {
        return rope.path("rope_theta").asDouble(config.path("rope_theta").asDouble(otherwise));
    }
}
