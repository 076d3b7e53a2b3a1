package dev.luthier.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** The plan of the models the mission names, from their real shapes; the parameter counts are those their cards state. */
class PlanTest {
    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource({
        "llama, 4096, 32, 32, 8, 14336, 128256, 8030261248, DeepSeek-R1-Distill-Llama-8B",
        "qwen2, 1536, 28, 12, 2, 8960, 151936, 1777088000, DeepSeek-R1-Distill-Qwen-1.5B",
        "qwen2, 3584, 28, 28, 4, 18944, 152064, 7615616512, DeepSeek-R1-Distill-Qwen-7B",
    })
    void sizesTheModelsOfTheMission(String type, int hidden, int layers, int heads, int kvHeads, int intermediate, int vocab, long parameters, String name) throws Exception {
        JsonNode plan = plan(config(type, hidden, layers, heads, kvHeads, intermediate, vocab), "--batch", "2", "--max-length", "2048", "--optimizer", "adamw8bit");
        assertEquals(parameters, plan.path("parameters").asLong(), name);
        long linear = plan.path("linear_parameters").asLong();
        long tables = 2L * 2 * vocab * hidden;
        long nf4 = linear / 2 + linear / 64 + linear / 64 / 256 * 4;
        long weights = plan.path("bytes").path("weights").asLong();
        assertTrue(weights >= nf4 + tables && weights < (nf4 + tables) * 1.01, name + ": weights of " + weights + " bytes, NF4 " + nf4 + ", embedding and head " + tables);
        long trainable = plan.path("trainable_parameters").asLong();
        int headDim = hidden / heads;
        assertEquals(16L * layers * (2L * (hidden + heads * headDim) + 2L * (hidden + kvHeads * headDim) + 3L * (hidden + intermediate)), trainable, name);
        long sum = 0;
        for (JsonNode n : plan.path("bytes")) sum += n.asLong();
        assertEquals(sum, plan.path("total_bytes").asLong());
        for (String kind : new String[] {"adapter", "gradients", "optimizer", "activations", "workspace"}) assertTrue(plan.path("bytes").path(kind).asLong() > 0, kind);
    }

    @Test
    void knobsMakeARunSmaller() throws Exception {
        Path model = config("qwen2", 1536, 28, 12, 2, 8960, 151936);
        long base = plan(model, "--max-length", "1024").path("total_bytes").asLong();
        assertTrue(plan(model, "--max-length", "512").path("total_bytes").asLong() < base);
        assertTrue(plan(model, "--max-length", "1024", "--batch", "1").path("total_bytes").asLong() < base);
        assertTrue(plan(model, "--max-length", "1024", "--optimizer", "adamw8bit").path("total_bytes").asLong() < base);
        assertTrue(plan(model, "--max-length", "1024", "--checkpointing", "none").path("total_bytes").asLong() > base);
        assertTrue(plan(model, "--max-length", "1024", "--load-in", "16bit").path("total_bytes").asLong() > base);
    }

    private Path config(String type, int hidden, int layers, int heads, int kvHeads, int intermediate, int vocab) throws Exception {
        return Files.writeString(temp.resolve("config.json"), Json.text(Json.mapper().createObjectNode().put("model_type", type).put("hidden_size", hidden)
                .put("num_hidden_layers", layers).put("num_attention_heads", heads).put("num_key_value_heads", kvHeads).put("intermediate_size", intermediate)
                .put("vocab_size", vocab).put("max_position_embeddings", 131072).put("rms_norm_eps", 1e-6).put("rope_theta", 500000.0).put("torch_dtype", "bfloat16")
                .put("tie_word_embeddings", false)));
    }

    private static JsonNode plan(Path model, String... knobs) {
        String[] args = new String[knobs.length + 4];
        System.arraycopy(new String[] {"plan", "--model", model.toString(), "--json"}, 0, args, 0, 4);
        System.arraycopy(knobs, 0, args, 4, knobs.length);
        return Json.parse(Cli.run(args).ok().out(), model, "");
    }
}
