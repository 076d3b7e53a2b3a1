package dev.luthier.model;

import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.model.ModelConfig.LayerKind;
import dev.luthier.ops.Ops.Activation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * config.json as transformers writes it, in its newer form ({@code rope_parameters}, {@code dtype}, {@code layer_types}) and in the older one
 * ({@code rope_theta}, {@code rope_scaling}, {@code torch_dtype}, {@code sliding_window_pattern}).
 */
public final class ConfigReader {
    private static final String REMEDY = "use the config.json that belongs to this model";

    private final Path file;
    private final JsonNode json;
    private final Family family;

    private ConfigReader(Path file, JsonNode json) {
        this.file = file;
        this.json = json;
        this.family = family();
    }

    /** Reads {@code folder/config.json}, with eos ids from generation_config.json where that has them. */
    public static ModelConfig read(Path folder) throws IOException {
        Path file = Files.isDirectory(folder) ? folder.resolve("config.json") : folder;
        if (!Files.exists(file))
            throw new FormatException(file, "", "no such file", "the config.json of a model", "give the folder of a Hugging Face checkpoint");
        ConfigReader reader = new ConfigReader(file, Json.readObject(file));
        Path generation = file.resolveSibling("generation_config.json");
        return reader.config(Files.exists(generation) ? Json.readObject(generation) : null);
    }

    private Family family() {
        String type = text("model_type", "");
        if (type.isEmpty()) throw error("model_type", "nothing", "one of " + Family.supported());
        return Family.ofModelType(type).orElseThrow(() -> new FormatException(file, "model_type", FormatException.quote(type),
                "one of " + Family.supported(), "this architecture is not supported"));
    }

    private ModelConfig config(JsonNode generation) {
        int hidden = positive("hidden_size");
        int layers = positive("num_hidden_layers");
        int heads = positive("num_attention_heads");
        int kvHeads = present("num_key_value_heads") ? positive("num_key_value_heads") : heads;
        if (heads % kvHeads != 0) throw error("num_key_value_heads", kvHeads, "a divisor of num_attention_heads = " + heads);
        if (!present("head_dim") && hidden % heads != 0) throw error("hidden_size", hidden, "a multiple of num_attention_heads = " + heads);
        int headDim = present("head_dim") ? positive("head_dim") : hidden / heads;
        if (headDim % 8 != 0 || headDim > 256) throw error("head_dim", headDim, "a multiple of 8 up to 256");
        if (flag("attention_bias", false) || flag("mlp_bias", false))
            throw error(flag("mlp_bias", false) ? "mlp_bias" : "attention_bias", "true", "false: no supported family sets it");
        List<Rope> ropes = new ArrayList<>();
        List<LayerKind> kinds = layerKinds(layers, ropes, headDim);
        double queryScale = present("query_pre_attn_scalar") ? number("query_pre_attn_scalar") : headDim;
        return new ModelConfig(family, hidden, layers, heads, kvHeads, headDim, positive("intermediate_size"), positive("vocab_size"),
                present("max_position_embeddings") ? positive("max_position_embeddings") : 2048, (float) decimal("rms_norm_eps", 1e-6), activation(),
                flag("tie_word_embeddings", family.tiedByDefault()), (float) (1 / Math.sqrt(queryScale)),
                (float) decimal("attn_logit_softcapping", 0), (float) decimal("final_logit_softcapping", 0), List.copyOf(kinds), List.copyOf(ropes),
                ids("bos_token_id", generation).stream().findFirst().orElse(-1), ids("eos_token_id", generation));
    }

    private Activation activation() {
        String name = text("hidden_activation", text("hidden_act", ""));
        return switch (name) {
            case "" -> family.activation();
            case "silu" -> Activation.SILU;
            case "gelu_pytorch_tanh", "gelu" -> {
                if (!family.gemma()) throw error("hidden_act", FormatException.quote(name), "\"silu\"");
                yield Activation.GELU_TANH; // early Gemma configs say "gelu" and mean the tanh form
            }
            default -> throw error("hidden_act", FormatException.quote(name), "\"silu\" or \"gelu_pytorch_tanh\"");
        };
    }

    // ---------------------------------------------------------------- windows and positions

    private List<LayerKind> layerKinds(int layers, List<Rope> ropes, int headDim) {
        boolean[] sliding = slidingLayers(layers);
        int window = present("sliding_window") ? positive("sliding_window") : 0;
        JsonNode parameters = json.path("rope_parameters");
        boolean perKind = parameters.path("full_attention").isObject();
        boolean localRope = perKind || present("rope_local_base_freq");
        if (perKind) {
            ropes.add(rope(parameters.path("full_attention"), headDim));
            ropes.add(rope(parameters.path("sliding_attention"), headDim));
        } else {
            ropes.add(rope(parameters.isObject() ? parameters : json.path("rope_scaling"), headDim));
            if (localRope) ropes.add(Rope.standard(number("rope_local_base_freq"), headDim));
        }
        List<LayerKind> kinds = new ArrayList<>();
        for (int i = 0; i < layers; i++) kinds.add(new LayerKind(sliding[i] ? window : 0, sliding[i] && localRope ? 1 : 0));
        return kinds;
    }

    /** Which layers see a window only: {@code layer_types} when present, else each family's older way of saying it. */
    private boolean[] slidingLayers(int layers) {
        boolean[] sliding = new boolean[layers];
        if (!present("sliding_window")) return sliding;
        JsonNode types = json.path("layer_types");
        if (types.isArray() && types.size() != layers)
            throw error("layer_types", types.size() + " entries", layers + ", one per layer");
        int pattern = present("sliding_window_pattern") ? positive("sliding_window_pattern") : family == Family.GEMMA3 ? 6 : 2;
        for (int i = 0; i < layers; i++) {
            if (types.isArray()) sliding[i] = types.get(i).asString("").equals("sliding_attention");
            else if (family == Family.GEMMA2 || family == Family.GEMMA3) sliding[i] = (i + 1) % pattern != 0;
            else if (present("use_sliding_window")) sliding[i] = flag("use_sliding_window", false) && i >= (int) decimal("max_window_layers", 0);
            else sliding[i] = family.windowed();
        }
        return sliding;
    }

    private Rope rope(JsonNode r, int headDim) {
        double theta = r.path("rope_theta").isNumber() ? r.path("rope_theta").asDouble() : decimal("rope_theta", 10000);
        double partial = r.path("partial_rotary_factor").isNumber() ? r.path("partial_rotary_factor").asDouble() : decimal("partial_rotary_factor", 1);
        int dims = (int) (headDim * partial);
        if (dims < 2 || dims % 2 != 0 || dims > headDim) throw error("partial_rotary_factor", partial, "a share that leaves an even number of dims");
        String type = r.path("rope_type").asString(r.path("type").asString("default"));
        return switch (type) {
            case "default" -> Rope.standard(theta, dims);
            case "linear" -> Rope.linear(theta, dims, field(r, "factor"));
            case "llama3" -> Rope.llama3(theta, dims, field(r, "factor"), field(r, "low_freq_factor"), field(r, "high_freq_factor"),
                    (int) field(r, "original_max_position_embeddings"));
            case "longrope", "su" -> longrope(r, theta, dims);
            default -> throw error("rope_scaling.rope_type", FormatException.quote(type), "default, linear, llama3 or longrope");
        };
    }

    private Rope longrope(JsonNode r, double theta, int dims) {
        double originalMax = r.path("original_max_position_embeddings").isNumber() ? r.path("original_max_position_embeddings").asDouble()
                : decimal("original_max_position_embeddings", 0);
        if (originalMax <= 0) throw error("original_max_position_embeddings", originalMax, "the length the model was first trained for");
        double factor = decimal("max_position_embeddings", originalMax) / originalMax;
        double mscale = r.path("attention_factor").isNumber() ? r.path("attention_factor").asDouble()
                : factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMax));
        return Rope.longrope(theta, dims, factors(r, "short_factor", dims / 2), factors(r, "long_factor", dims / 2), (int) originalMax, mscale);
    }

    private double[] factors(JsonNode r, String name, int count) {
        JsonNode list = r.path(name);
        if (!list.isArray() || list.size() != count) throw error("rope_scaling." + name, list.size() + " numbers", count + ", one per rotated pair");
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = list.get(i).asDouble(0);
            if (!(values[i] > 0)) throw error("rope_scaling." + name + "[" + i + "]", list.get(i), "a positive number");
        }
        return values;
    }

    // ---------------------------------------------------------------- fields

    private boolean present(String name) {
        return json.hasNonNull(name);
    }

    private int positive(String name) {
        JsonNode n = json.path(name);
        if (!n.isIntegralNumber() || !n.canConvertToInt() || n.asInt() <= 0 || n.asInt() > 1 << 28)
            throw error(name, n.isMissingNode() ? "nothing" : n, "a positive whole number");
        return n.asInt();
    }

    private double number(String name) {
        JsonNode n = json.path(name);
        if (!n.isNumber() || !(n.asDouble() > 0)) throw error(name, n.isMissingNode() ? "nothing" : n, "a positive number");
        return n.asDouble();
    }

    private double decimal(String name, double otherwise) {
        return present(name) ? number(name) : otherwise;
    }

    private double field(JsonNode r, String name) {
        JsonNode n = r.path(name);
        if (!n.isNumber() || !(n.asDouble() > 0)) throw error("rope_scaling." + name, n.isMissingNode() ? "nothing" : n, "a positive number");
        return n.asDouble();
    }

    private boolean flag(String name, boolean otherwise) {
        return present(name) ? json.get(name).asBoolean(otherwise) : otherwise;
    }

    private String text(String name, String otherwise) {
        return present(name) ? json.get(name).asString(otherwise) : otherwise;
    }

    private List<Integer> ids(String name, JsonNode generation) {
        JsonNode n = generation != null && generation.hasNonNull(name) ? generation.get(name) : json.path(name);
        List<Integer> ids = new ArrayList<>();
        if (n.isIntegralNumber()) ids.add(id(name, n));
        else if (n.isArray()) n.forEach(one -> ids.add(id(name, one)));
        return List.copyOf(ids);
    }

    private int id(String name, JsonNode n) {
        if (!n.isIntegralNumber() || !n.canConvertToInt() || n.asInt() < 0) throw error(name, n, "a token id");
        return n.asInt();
    }

    private FormatException error(String field, Object found, String wanted) {
        return new FormatException(file, field, String.valueOf(found), wanted, REMEDY);
    }
}
