package dev.luthier.export;

import dev.luthier.model.GgufNames;
import dev.luthier.io.DType;
import dev.luthier.io.TensorInfo;
import dev.luthier.model.ModelConfig;
import java.util.List;
import java.util.Map;

/**
 * Which type each tensor of a GGUF file gets: what matters more than its share of the bytes (values, the MLP's output, the head) gets more bits.
 * The rules are data; the first that fits decides, else the file's own type. Source: llama_tensor_get_type of llama.cpp's llama-quant.cpp, for
 * dense models.
 */
final class TypeMix {
    /** A matrix's place in a block: "attn_v", of layer {@code i} of {@code n}. */
    private record Place(int i, int n, int queryHeadsPerKv) {
        /** The first eighth, the last eighth, and every third between. */
        boolean moreBits() {
            return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
        }
    }

    private interface When {
        boolean holds(Place at);
    }

    private record Rule(String matrix, When when, DType type) {
    }

    private static Rule rule(String matrix, DType type) {
        return new Rule(matrix, at -> true, type);
    }

    private static Rule rule(String matrix, When when, DType type) {
        return new Rule(matrix, when, type);
    }

    /** Values, alone or fused with queries and keys. */
    private static final String V = "attn_v|attn_qkv";
    private static final String OUT = "attn_output";
    private static final String DOWN = "ffn_down";

    private static final Map<ExportType, List<Rule>> RULES = Map.of(
            ExportType.Q2_K, List.of(rule(V, at -> at.queryHeadsPerKv >= 4, DType.Q4_K), rule(V, DType.Q3_K), rule(DOWN, DType.Q3_K), rule(OUT, DType.Q3_K)),
            ExportType.Q3_K_M, List.of(rule(V, at -> at.i < 2, DType.Q5_K), rule(V, DType.Q4_K), rule(DOWN, at -> at.i < at.n / 16, DType.Q5_K),
                    rule(DOWN, DType.Q4_K), rule(OUT, DType.Q4_K)),
            ExportType.Q3_K_L, List.of(rule(V, DType.Q5_K), rule(DOWN, DType.Q5_K), rule(OUT, DType.Q5_K)),
            ExportType.Q4_K_S, List.of(rule(V, at -> at.i < 4, DType.Q5_K), rule(DOWN, at -> at.i < at.n / 8, DType.Q5_K)),
            ExportType.Q4_K_M, List.of(rule(V, Place::moreBits, DType.Q6_K), rule(DOWN, Place::moreBits, DType.Q6_K)),
            ExportType.Q5_K_M, List.of(rule(V, Place::moreBits, DType.Q6_K), rule(DOWN, Place::moreBits, DType.Q6_K)));

    /** With an importance matrix the first layers of these get a minimum too. */
    private static final Map<ExportType, List<Rule>> WITH_IMPORTANCE = Map.of(
            ExportType.Q4_0, List.of(rule(DOWN, at -> at.i < at.n / 8, DType.Q4_1)),
            ExportType.Q5_0, List.of(rule(DOWN, at -> at.i < at.n / 8, DType.Q5_1)));

    /** What takes the place of a type whose blocks do not fit the rows. */
    private static final Map<DType, DType> NARROWER = Map.of(DType.Q2_K, DType.Q4_0, DType.Q3_K, DType.Q4_0, DType.Q4_K, DType.Q5_0,
            DType.Q5_K, DType.Q5_1, DType.Q6_K, DType.Q8_0);

    private final ModelConfig model;
    private final ExportType type;
    private final boolean importance;

    TypeMix(ModelConfig model, ExportType type, boolean importance) {
        this.model = model;
        this.type = type;
        this.importance = importance;
    }

    /** The type of a tensor, by its GGUF name. */
    DType of(TensorInfo tensor) {
        if (tensor.rank() < 2 || tensor.name().endsWith("_norm.weight") || !tensor.name().endsWith(".weight")) return DType.F32;
        if (!type.mixed()) return fitting(type.base(), tensor.dim(-1));
        return fitting(mixed(tensor.name(), tensor.dim(-1)), tensor.dim(-1));
    }

    private DType mixed(String name, long columns) {
        if (name.equals("output.weight") || name.equals("token_embd.weight") && model.tied())
            return columns % type.base().blockElements() == 0 ? DType.Q6_K : DType.Q8_0;
        int block = GgufNames.block(name);
        if (block < 0) return type.base();
        String matrix = GgufNames.withoutBlock(name).replace(".weight", "");
        Place at = new Place(block, model.layers(), model.heads() / model.kvHeads());
        DType chosen = choose(RULES, matrix, at);
        if (importance && chosen == type.base()) chosen = choose(WITH_IMPORTANCE, matrix, at);
        boolean values = List.of(V.split("\\|")).contains(matrix);
        return values && seventyBillion() && (chosen == DType.Q3_K || chosen == DType.Q4_K) ? DType.Q5_K : chosen;
    }

    private DType choose(Map<ExportType, List<Rule>> rules, String matrix, Place at) {
        return rules.getOrDefault(type, List.of()).stream().filter(r -> List.of(r.matrix.split("\\|")).contains(matrix) && r.when.holds(at))
                .map(Rule::type).findFirst().orElse(type.base());
    }

    /** In the 70B models eight heads share their values: more bits cost little there. */
    private boolean seventyBillion() {
        return model.layers() == 80 && switch (model.family().ggufArchitecture()) {
            case "llama" -> model.heads() != model.kvHeads();
            case "qwen2" -> true;
            default -> false;
        };
    }

    private static DType fitting(DType wanted, long columns) {
        if (columns % wanted.blockElements() == 0) return wanted;
        DType narrower = NARROWER.getOrDefault(wanted, DType.F16);
        return columns % narrower.blockElements() == 0 ? narrower : DType.F16;
    }
}
