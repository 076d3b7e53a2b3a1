package dev.luthier.model;

import dev.luthier.io.FormatException;
import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorInfo;
import dev.luthier.model.ModelConfig.LayerKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** A model's configuration from the metadata of a GGUF file. Source: the keys of llama.cpp's gguf-py constants and what its graphs do with them. */
final class GgufConfig {
    private static final String REMEDY = "use a GGUF file that llama.cpp's converter or this program wrote";
    /** Gemma 3: every sixth layer sees all positions. */
    private static final int GEMMA3_PATTERN = 6;

    private final GgufFile file;
    private final Map<String, Object> keys;
    private final Family family;

    private GgufConfig(GgufFile file) {
        this.file = file;
        this.keys = file.metadata();
        String arch = String.valueOf(keys.get("general.architecture"));
        this.family = Arrays.stream(Family.values()).filter(f -> f.ggufArchitecture().equals(arch)).findFirst().orElseThrow(() -> new FormatException(file.path(),
                "general.architecture", FormatException.quote(arch), "one of " + Arrays.stream(Family.values()).map(Family::ggufArchitecture).distinct().collect(Collectors.joining(", ")),
                "this architecture is not supported"));
    }

    static ModelConfig read(GgufFile file) {
        return new GgufConfig(file).config();
    }

    private ModelConfig config() {
        int hidden = size("embedding_length");
        int layers = size("block_count");
        int heads = size("attention.head_count");
        int kvHeads = number("attention.head_count_kv").isPresent() ? size("attention.head_count_kv") : heads;
        if (heads % kvHeads != 0) throw error("attention.head_count_kv", kvHeads, "a divisor of attention.head_count = " + heads);
        int headDim = number("attention.key_length").isPresent() ? size("attention.key_length") : hidden / heads;
        if (headDim % 8 != 0 || headDim > 256) throw error("attention.key_length", headDim, "a multiple of 8 up to 256");
        TensorInfo embedding = file.info("token_embd.weight");
        if (embedding.rank() != 2 || embedding.dim(0) > 1 << 28) throw error("token_embd.weight", embedding.shape(), "[vocabulary, " + hidden + "]");
        List<Rope> ropes = ropes(headDim);
        return new ModelConfig(family, hidden, layers, heads, kvHeads, headDim, size("feed_forward_length"), (int) embedding.dim(0), size("context_length"),
                (float) decimal("attention.layer_norm_rms_epsilon", 1e-6), family.activation(), file.find("output.weight").isEmpty(), (float) (1 / Math.sqrt(headDim)),
                (float) decimal("attn_logit_softcapping", 0), (float) decimal("final_logit_softcapping", 0), kinds(layers, ropes.size()), ropes, id("bos").orElse(-1), ends());
    }

    private List<LayerKind> kinds(int layers, int ropes) {
        int window = (int) decimal("attention.sliding_window", 0);
        List<LayerKind> kinds = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            boolean slides = window > 0 && switch (family) {
                case GEMMA2 -> i % 2 == 0;
                case GEMMA3 -> (i + 1) % GEMMA3_PATTERN != 0;
                default -> true;
            };
            kinds.add(new LayerKind(slides ? window : 0, slides && ropes > 1 ? 1 : 0));
        }
        return kinds;
    }

    private List<Rope> ropes(int headDim) {
        int dims = (int) decimal("rope.dimension_count", headDim);
        if (dims < 2 || dims % 2 != 0 || dims > headDim) throw error("rope.dimension_count", dims, "an even number up to " + headDim);
        double theta = decimal("rope.freq_base", family == Family.GEMMA3 ? 1e6 : 1e4);
        Rope main = Rope.standard(theta, dims);
        if (file.find("rope_factors_short.weight").isPresent()) {
            double original = decimal("rope.scaling.original_context_length", size("context_length"));
            main = Rope.longrope(theta, dims, factors("rope_factors_short.weight", dims / 2), factors("rope_factors_long.weight", dims / 2), (int) original,
                    decimal("rope.scaling.attn_factor", 1));
        } else if (file.find("rope_freqs.weight").isPresent()) {
            double[] factors = factors("rope_freqs.weight", dims / 2);
            for (int i = 0; i < factors.length; i++) main.invFreq()[i] /= (float) factors[i];
        } else if ("linear".equals(keys.get(key("rope.scaling.type")))) {
            main = Rope.linear(theta, dims, decimal("rope.scaling.factor", 1));
        } else if (keys.get(key("rope.scaling.type")) instanceof String type && !type.equals("none")) {
            throw error("rope.scaling.type", FormatException.quote(type), "linear");
        }
        if (family != Family.GEMMA3) return List.of(main);
        return List.of(main, Rope.standard(decimal("rope.freq_base_swa", 1e4), dims));
    }

    private double[] factors(String tensor, int count) {
        float[] values = file.floats(tensor);
        if (values.length != count) throw error(tensor, values.length + " numbers", count + ", one per rotated pair");
        double[] factors = new double[count];
        for (int i = 0; i < count; i++) {
            factors[i] = values[i];
            if (!(factors[i] > 0)) throw error(tensor, factors[i], "positive numbers");
        }
        return factors;
    }

    private List<Integer> ends() {
        List<Integer> ids = new ArrayList<>();
        for (String name : List.of("eos", "eot", "eom")) id(name).filter(i -> !ids.contains(i)).ifPresent(ids::add);
        return List.copyOf(ids);
    }

    private Optional<Integer> id(String name) {
        return keys.get("tokenizer.ggml." + name + "_token_id") instanceof Number n ? Optional.of(n.intValue()) : Optional.empty();
    }

    private String key(String name) {
        return family.ggufArchitecture() + "." + name;
    }

    private Optional<Number> number(String name) {
        return keys.get(key(name)) instanceof Number n ? Optional.of(n) : Optional.empty();
    }

    private int size(String name) {
        long n = number(name).map(Number::longValue).orElseThrow(() -> error(name, "nothing", "a whole number"));
        if (n <= 0 || n > 1 << 28) throw error(name, n, "a positive whole number");
        return (int) n;
    }

    private double decimal(String name, double otherwise) {
        return number(name).map(Number::doubleValue).orElse(otherwise);
    }

    private FormatException error(String name, Object found, String wanted) {
        return new FormatException(file.path(), name.contains("weight") ? "tensor " + name : key(name), String.valueOf(found), wanted, REMEDY);
    }
}
