package dev.luthier.model;

import dev.luthier.ops.Ops.Activation;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What one family of models does differently from Llama; config.json says the rest. Adding a Llama-like family adds a row here and nothing else.
 * Source: the modeling files of transformers for each {@code model_type}.
 */
public enum Family {
    LLAMA("llama", "LlamaForCausalLM", "llama", row()),
    MISTRAL("mistral", "MistralForCausalLM", "llama", row().windowed()),
    QWEN2("qwen2", "Qwen2ForCausalLM", "qwen2", row().qkvBias()),
    QWEN3("qwen3", "Qwen3ForCausalLM", "qwen3", row().qkNorm()),
    GEMMA2("gemma2", "Gemma2ForCausalLM", "gemma2", row().gemma().windowed()),
    GEMMA3("gemma3_text", "Gemma3ForCausalLM", "gemma3", row().gemma().windowed().qkNorm()),
    PHI3("phi3", "Phi3ForCausalLM", "phi3", row().fused().windowed());

    private final String modelType;
    private final String architecture;
    private final String ggufArchitecture;
    private final Row row;

    Family(String modelType, String architecture, String ggufArchitecture, Row row) {
        this.modelType = modelType;
        this.architecture = architecture;
        this.ggufArchitecture = ggufArchitecture;
        this.row = row;
    }

    /** {@code model_type} of config.json. */
    public String modelType() {
        return modelType;
    }

    /** {@code architectures[0]} of config.json. */
    public String architecture() {
        return architecture;
    }

    /** {@code general.architecture} of a GGUF file. */
    public String ggufArchitecture() {
        return ggufArchitecture;
    }

    /** Biases on the q, k and v projections. */
    public boolean qkvBias() {
        return row.qkvBias;
    }

    /** RMSNorm on each head of q and k, before the positions. */
    public boolean qkNorm() {
        return row.qkNorm;
    }

    /** Gemma: norms multiply by 1 + w, each half of a block is normed again before it is added, the embedding is scaled by sqrt(hidden). */
    public boolean gemma() {
        return row.gemma;
    }

    /** q, k, v in one matrix and gate, up in one. */
    public boolean fused() {
        return row.fused;
    }

    /** A plain {@code sliding_window} number in config.json holds for every layer. */
    public boolean windowed() {
        return row.windowed;
    }

    /** {@code tie_word_embeddings} where config.json is silent. */
    public boolean tiedByDefault() {
        return row.gemma;
    }

    /** The gate's activation where config.json is silent. */
    public Activation activation() {
        return row.gemma ? Activation.GELU_TANH : Activation.SILU;
    }

    public static Optional<Family> ofModelType(String modelType) {
        return Arrays.stream(values()).filter(f -> f.modelType.equals(modelType)).findFirst();
    }

    /** "llama, mistral, ...": for the error about a model that is none of them. */
    public static String supported() {
        return Arrays.stream(values()).map(Family::modelType).collect(Collectors.joining(", "));
    }

    private static Row row() {
        return new Row();
    }

    /** The switches, set by name so that the table above can be read. */
    private static final class Row {
        private boolean qkvBias;
        private boolean qkNorm;
        private boolean gemma;
        private boolean fused;
        private boolean windowed;

        Row qkvBias() {
            qkvBias = true;
            return this;
        }

        Row qkNorm() {
            qkNorm = true;
            return this;
        }

        Row gemma() {
            gemma = true;
            return this;
        }

        Row fused() {
            fused = true;
            return this;
        }

        Row windowed() {
            windowed = true;
            return this;
        }
    }
}
