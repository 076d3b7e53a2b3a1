package dev.luthier.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What users get wrong: each ends in one line that names the file, the place and the remedy, with exit code 2 and nothing half-written. */
class BadInputTest {
    private static final String ROW = "{\"instruction\":\"Say hello.\",\"output\":\"Hello there, little friend.\"}";

    @TempDir
    Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void copies() throws Exception {
        Path source = Shared.require("models/stories260k");
        model = Files.createDirectory(temp.resolve("model"));
        for (String f : List.of("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")) Files.copy(source.resolve(f), model.resolve(f), StandardCopyOption.REPLACE_EXISTING);
        data = Files.write(temp.resolve("data.jsonl"), Collections.nCopies(20, ROW));
    }

    private void refused(String... mustName) throws Exception {
        Path out = temp.resolve("out");
        Cli cli = Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", out.toString(), "--max-steps", "1");
        assertEquals(2, cli.code(), cli.err());
        for (String name : mustName) assertTrue(cli.sentence().contains(name), "\"" + name + "\" is missing in: " + cli.sentence());
        assertFalse(cli.err().contains("\tat "), cli.err());
        assertFalse(cli.err().contains("Exception"), cli.err());
        if (Files.exists(out)) try (Stream<Path> files = Files.list(out)) {
            assertEquals(List.of(), files.toList(), "nothing is half-written");
        }
    }

    @Test
    void theGoodCaseIsGood() {
        Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", temp.resolve("out").toString(), "--max-steps", "1").ok();
    }

    @Test
    void missingData() throws Exception {
        Files.delete(data);
        refused("data.jsonl", "does not exist", "--data");
    }

    @Test
    void missingModel() throws Exception {
        Files.delete(model.resolve("config.json"));
        refused("config.json", "no such file", "folder");
    }

    @Test
    void missingWeights() throws Exception {
        Files.delete(model.resolve("model.safetensors"));
        refused(model.toString(), "safetensors");
    }

    @Test
    void truncatedWeights() throws Exception {
        byte[] all = Files.readAllBytes(model.resolve("model.safetensors"));
        Files.write(model.resolve("model.safetensors"), Arrays.copyOf(all, all.length - 100));
        refused("model.safetensors", "wanted");
    }

    @Test
    void weightsOfAnotherShape() throws Exception {
        edit("\"intermediate_size\": 172", "\"intermediate_size\": 180");
        refused("model.safetensors", "mlp.gate_proj.weight", "[172, 64]", "[180, 64]");
    }

    @Test
    void anUnknownArchitecture() throws Exception {
        edit("\"model_type\": \"llama\"", "\"model_type\": \"mamba\"");
        refused("config.json", "model_type", "'mamba'", "qwen2");
    }

    @Test
    void aNonsenseConfig() throws Exception {
        edit("\"num_attention_heads\": 8", "\"num_attention_heads\": -8");
        refused("config.json", "num_attention_heads", "-8");
    }

    @Test
    void aMalformedLine() throws Exception {
        List<String> lines = new ArrayList<>(Files.readAllLines(data));
        lines.set(16, "{\"instruction\": \"Say");
        Files.write(data, lines);
        refused("data.jsonl line 17");
    }

    @Test
    void emptyData() throws Exception {
        Files.writeString(data, "");
        refused("data.jsonl", "no record");
    }

    @Test
    void aRecordWithoutAnswer() throws Exception {
        Files.writeString(data, ROW + "\n{\"instruction\":\"Say hello.\"}\n");
        refused("data.jsonl line 2", "answer");
    }

    @Test
    void aRowWhoseLabelsAreAllMasked() throws Exception {
        Files.writeString(data, "{\"input_ids\":[1,2,3],\"labels\":[1,2,3]}\n{\"input_ids\":[1,2,3],\"labels\":[-100,-100,-100]}\n");
        refused("data.jsonl line 2");
    }

    @Test
    void idsOutsideTheVocabulary() throws Exception {
        Files.writeString(data, "{\"input_ids\":[1,2,512],\"labels\":[1,2,3]}\n");
        refused("data.jsonl line 1", "512");
    }

    @Test
    void wrongKnobs() {
        for (String[] knob : new String[][] {{"--rank", "0"}, {"--batch", "0"}, {"--targets", "q_proj,qq_proj"}, {"--schedule", "exponential"}, {"--lr", "-1"}, {"--load-in", "3bit"},
                {"--optimizer", "sgd"}, {"--checkpointing", "some"}, {"--precision", "fp8"}}) {
            Cli cli = Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", temp.resolve("out").toString(), "--max-steps", "1", knob[0], knob[1]);
            assertEquals(2, cli.code(), knob[0] + ": " + cli.err());
            assertEquals(1, cli.err().strip().lines().count(), cli.err());
        }
    }

    @Test
    void resultsAreNotOverwrittenUnasked() throws Exception {
        theGoodCaseIsGood();
        Cli again = Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", temp.resolve("out").toString(), "--max-steps", "1");
        assertEquals(2, again.code());
        assertTrue(again.sentence().contains("--overwrite"), again.sentence());
    }

    @Test
    void anAdapterOfAnotherModel() {
        Path other = Shared.require("oracle/qwen2/adapter_init");
        Cli cli = Cli.run("generate", "--model", model.toString(), "--adapter", other.toString(), "--prompt", "Once", "--max-new-tokens", "3");
        assertEquals(2, cli.code(), cli.err());
        assertTrue(cli.sentence().contains("adapter_model.safetensors"), cli.sentence());
    }

    private void edit(String from, String to) throws Exception {
        Path config = model.resolve("config.json");
        String text = Files.readString(config);
        assertTrue(text.contains(from), text);
        Files.writeString(config, text.replace(from, to));
    }
}
