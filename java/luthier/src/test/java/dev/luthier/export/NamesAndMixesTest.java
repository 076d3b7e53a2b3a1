package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.DType;
import dev.luthier.io.TensorInfo;
import dev.luthier.model.ConfigReader;
import dev.luthier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What names say, and which types the tensors of a mixture get. */
class NamesAndMixesTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, 1777088000, DeepSeek-R1-Distill-Qwen-1.5B, deepseek-ai, DeepSeek-R1-Distill-Qwen, -, -, 1.5B",
        "meta-llama/Llama-3.1-8B-Instruct, 8030261248, Llama-3.1-8B-Instruct, meta-llama, Llama-3.1, Instruct, -, 8B",
        "Mistral-7B-Instruct-v0.3, 7248023552, Mistral-7B-Instruct-v0.3, -, Mistral, Instruct, v0.3, 7B",
        "Phi-3-mini-128k-instruct, 3821079552, Phi-3-mini-128k-instruct, -, Phi-3, 128k-instruct, -, mini",
        "hf, 984000, hf, -, -, -, -, -"})
    void partsOfAName(String id, long parameters, String name, String organization, String basename, String finetune, String version, String size) {
        assertEquals(new ModelTitle(name, organization, basename, finetune, version, size), ModelTitle.of(id, parameters));
    }

    @ParameterizedTest
    @CsvSource({"hf, Hf", "lora_peft, Lora_Peft", "DeepSeek-R1-Distill-Qwen-1.5B, DeepSeek R1 Distill Qwen 1.5B", "tiny-llama-v2, Tiny Llama v2", "stories260k, Stories260K"})
    void titles(String id, String title) {
        assertEquals(title, ModelTitle.title(id));
    }

    @ParameterizedTest
    @CsvSource({"984320, 984K", "854000, 854K", "1777088000, 1.8B", "8030261248, 8.0B", "70553706496, 71B", "260032, 260K", "9600, 10K", "1234567, 1.2M"})
    void sizes(long parameters, String label) {
        assertEquals(label, ModelTitle.sizeLabel(parameters));
    }

    @Test
    void cardOfAReadme() {
        ModelCard card = ModelCard.parse(List.of("---", "license: mit", "base_model:", "  - Qwen/Qwen2.5-Math-1.5B", "tags: [a, 'b c']", "language:", "- en", "- \"no\"",
                "nested:", "  license: other", "---", "license: not this"));
        assertEquals("mit", card.first("license"));
        assertEquals(List.of("Qwen/Qwen2.5-Math-1.5B"), card.all("base_model"));
        assertEquals(List.of("a", "b c"), card.all("tags"));
        assertEquals(List.of("en", "no"), card.all("languages", "language"));
        assertNull(card.first("author"));
        assertNull(ModelCard.parse(List.of("# Title", "license: mit")).first("license"));
    }

    private ModelConfig llama(int layers, int heads, int kvHeads, boolean tied) throws IOException {
        Files.writeString(folder.resolve("config.json"), """
                {"model_type":"llama","hidden_size":%d,"intermediate_size":512,"num_hidden_layers":%d,"num_attention_heads":%d,"num_key_value_heads":%d,
                "vocab_size":100,"tie_word_embeddings":%s}""".formatted(heads * 32, layers, heads, kvHeads, tied));
        return ConfigReader.read(folder);
    }

    private static String down(ModelConfig c, ExportType type) {
        TypeMix mix = new TypeMix(c, type, false);
        StringBuilder s = new StringBuilder();
        IntStream.range(0, c.layers()).forEach(i -> s.append(mix.of(TensorInfo.of("blk." + i + ".ffn_down.weight", DType.F32, 256, 512)).name().charAt(1)));
        return s.toString();
    }

    private static DType type(ModelConfig c, ExportType type, String name, long columns) {
        return new TypeMix(c, type, false).of(TensorInfo.of(name, DType.F32, 64, columns));
    }

    /** The first and last eighth and every third between: worked out by hand for 16 layers. */
    @Test
    void moreBitsWhereTheyMatter() throws IOException {
        ModelConfig c = llama(16, 8, 8, false);
        assertEquals("6644644644644666", down(c, ExportType.Q4_K_M));
        assertEquals("5544444444444444", down(c, ExportType.Q4_K_S));
        assertEquals("5444444444444444", down(c, ExportType.Q3_K_M));
        assertEquals("3333333333333333", down(c, ExportType.Q2_K));
    }

    @Test
    void headEmbeddingAndValues() throws IOException {
        ModelConfig untied = llama(16, 8, 2, false);
        ModelConfig tied = llama(16, 8, 4, true);
        assertEquals(DType.Q6_K, type(untied, ExportType.Q4_K_M, "output.weight", 256));
        assertEquals(DType.Q4_K, type(untied, ExportType.Q4_K_M, "token_embd.weight", 256));
        assertEquals(DType.Q6_K, type(tied, ExportType.Q4_0, "token_embd.weight", 256));
        assertEquals(DType.Q8_0, type(tied, ExportType.Q4_K_M, "token_embd.weight", 896));
        assertEquals(DType.Q4_K, type(untied, ExportType.Q2_K, "blk.3.attn_v.weight", 256));
        assertEquals(DType.Q3_K, type(tied, ExportType.Q2_K, "blk.3.attn_v.weight", 256));
        assertEquals(DType.Q5_K, type(untied, ExportType.Q3_K_M, "blk.1.attn_v.weight", 256));
        assertEquals(DType.Q4_K, type(untied, ExportType.Q3_K_M, "blk.2.attn_v.weight", 256));
        assertEquals(DType.Q5_K, type(llama(80, 64, 8, false), ExportType.Q4_K_M, "blk.11.attn_v.weight", 256));
    }

    @Test
    void rowsThatBlocksDoNotFit() throws IOException {
        ModelConfig c = llama(16, 8, 8, false);
        for (String row : List.of("Q2_K Q4_0", "Q3_K_S Q4_0", "Q4_K_S Q5_0", "Q5_K_S Q5_1", "Q6_K Q8_0"))
            assertEquals(DType.valueOf(row.split(" ")[1]), type(c, ExportType.valueOf(row.split(" ")[0]), "blk.9.ffn_up.weight", 96), row);
        assertEquals(DType.F16, type(c, ExportType.Q4_K_S, "blk.9.ffn_up.weight", 172));
        assertEquals(DType.F16, type(c, ExportType.Q8_0, "blk.9.ffn_up.weight", 172));
        assertEquals(DType.F32, type(c, ExportType.Q4_K_M, "blk.9.attn_norm.weight", 256));
    }

    @Test
    void everyTypeHasItsNumber() {
        assertEquals(ExportType.values().length, Arrays.stream(ExportType.values()).map(ExportType::fileType).distinct().count());
        assertTrue(Arrays.stream(ExportType.values()).allMatch(t -> ExportType.of(t.label()) == t));
    }
}
