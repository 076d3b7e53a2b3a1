package dev.luthier.export;

import dev.luthier.model.Family;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of tensors in Hugging Face checkpoints and in GGUF files, both ways. The suffix ({@code .weight}, {@code .bias}) is the same in both.
 * Source: gguf-py's tensor_mapping.py of llama.cpp.
 */
public final class GgufNames {
    private static final Pattern BLOCK = Pattern.compile("model\\.layers\\.(\\d{1,9})\\.(.+)\\.(weight|bias)");
    private static final Pattern BLK = Pattern.compile("blk\\.(\\d{1,9})\\.(.+)\\.(weight|bias)");
    private static final Map<String, String> MODEL = Map.of("model.embed_tokens.weight", "token_embd.weight", "model.norm.weight", "output_norm.weight",
            "lm_head.weight", "output.weight");

    private GgufNames() {
    }

    /** The names inside a block, without block number and suffix. */
    private static Map<String, String> block(Family family) {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("input_layernorm", "attn_norm");
        if (family.gemma()) {
            names.put("post_attention_layernorm", "post_attention_norm");
            names.put("pre_feedforward_layernorm", "ffn_norm");
            names.put("post_feedforward_layernorm", "post_ffw_norm");
        } else {
            names.put("post_attention_layernorm", "ffn_norm");
        }
        if (family.fused()) {
            names.put("self_attn.qkv_proj", "attn_qkv");
            names.put("mlp.gate_up_proj", "ffn_up");
        } else {
            names.put("self_attn.q_proj", "attn_q");
            names.put("self_attn.k_proj", "attn_k");
            names.put("self_attn.v_proj", "attn_v");
            names.put("mlp.gate_proj", "ffn_gate");
            names.put("mlp.up_proj", "ffn_up");
        }
        names.put("self_attn.o_proj", "attn_output");
        names.put("mlp.down_proj", "ffn_down");
        if (family.qkNorm()) {
            names.put("self_attn.q_norm", "attn_q_norm");
            names.put("self_attn.k_norm", "attn_k_norm");
        }
        return names;
    }

    /** "model.layers.3.self_attn.q_proj.weight" to "blk.3.attn_q.weight"; empty where the family has no such tensor. */
    public static Optional<String> gguf(Family family, String huggingFace) {
        if (MODEL.containsKey(huggingFace)) return Optional.of(MODEL.get(huggingFace));
        Matcher m = BLOCK.matcher(huggingFace);
        if (!m.matches()) return Optional.empty();
        return Optional.ofNullable(block(family).get(m.group(2))).map(name -> "blk." + m.group(1) + "." + name + "." + m.group(3));
    }

    /** The other way. */
    public static Optional<String> huggingFace(Family family, String gguf) {
        Optional<String> model = key(MODEL, gguf);
        if (model.isPresent()) return model;
        Matcher m = BLK.matcher(gguf);
        if (!m.matches()) return Optional.empty();
        return key(block(family), m.group(2)).map(name -> "model.layers." + m.group(1) + "." + name + "." + m.group(3));
    }

    private static Optional<String> key(Map<String, String> names, String value) {
        return names.entrySet().stream().filter(e -> e.getValue().equals(value)).map(Map.Entry::getKey).findFirst();
    }

    /** The block that a GGUF tensor belongs to, or -1. */
    public static int block(String gguf) {
        Matcher m = BLK.matcher(gguf);
        return m.matches() ? Integer.parseInt(m.group(1)) : -1;
    }

    /** "attn_q.weight" of "blk.3.attn_q.weight"; the name itself outside the blocks. */
    static String withoutBlock(String gguf) {
        Matcher m = BLK.matcher(gguf);
        return m.matches() ? m.group(2) + "." + m.group(3) : gguf;
    }
}
