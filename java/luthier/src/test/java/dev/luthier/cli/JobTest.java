package dev.luthier.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.Json;
import dev.luthier.io.TensorSource;
import dev.luthier.testing.Shared;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The job through its commands, on a real Llama that somebody else trained on TinyStories. */
class JobTest {
    private static final List<String> WHO = List.of("captain", "sailor", "parrot", "mate", "cook");
    private static final List<String> WHAT = List.of("gold", "rum", "a map", "a ship", "the sea");

    @TempDir
    Path temp;
    private Path model;

    @BeforeEach
    void model() {
        model = Shared.require("models/stories260k");
    }

    private JsonNode expected() throws Exception {
        return Json.read(model.resolve("expected.json"));
    }

    @Test
    void greedyTextIsThatOfTransformers() throws Exception {
        int compared = 0;
        for (JsonNode e : expected()) {
            if (!e.has("greedy_ids")) continue;
            int prompt = e.path("prompt_ids").size();
            JsonNode greedy = e.path("greedy_ids");
            Cli cli = Cli.run("generate", "--model", model.toString(), "--prompt", e.path("prompt").asString(), "--max-new-tokens", String.valueOf(greedy.size() - prompt), "--json").ok();
            JsonNode ids = Json.parse(cli.out(), Path.of("out"), "").path("ids");
            for (int i = 0; i < ids.size(); i++) assertEquals(greedy.get(prompt + i).asInt(), ids.get(i).asInt(), "token " + i + " after \"" + e.path("prompt").asString() + "\"");
            assertTrue(ids.size() > 50, "the text is long enough to mean something");
            Cli plain = Cli.run("generate", "--model", model.toString(), "--prompt", e.path("prompt").asString(), "--max-new-tokens", String.valueOf(greedy.size() - prompt)).ok();
            assertEquals(e.path("greedy_text").asString().strip(), plain.out().strip());
            compared++;
        }
        assertEquals(4, compared);
    }

    @Test
    void lastLogitsAndMeanLossAreThoseOfTransformers() throws Exception {
        List<String> lines = new ArrayList<>();
        List<JsonNode> wanted = new ArrayList<>();
        for (JsonNode e : expected()) {
            lines.add("{\"input_ids\":" + (e.has("loss_ids") ? e.path("loss_ids") : e.path("prompt_ids")) + "}");
            wanted.add(e);
        }
        Path ids = Files.write(temp.resolve("ids.jsonl"), lines);
        String[] rows = Cli.run("score", "--model", model.toString(), "--ids", ids.toString()).ok().out().strip().split("\n");
        assertEquals(wanted.size(), rows.length);
        for (int r = 0; r < rows.length; r++) {
            JsonNode row = Json.parse(rows[r], ids, "");
            if (wanted.get(r).has("mean_nll")) {
                assertEquals(wanted.get(r).path("mean_nll").asDouble(), row.path("nll_sum").asDouble() / row.path("tokens").asInt(), 1e-4);
                assertEquals(wanted.get(r).path("loss_ids").size() - 1, row.path("tokens").asInt());
                continue;
            }
            JsonNode first = wanted.get(r).path("last_logits_first8");
            for (int i = 0; i < 8; i++) assertEquals(first.get(i).asDouble(), row.path("last_logits").get(i).asDouble(), 1e-4);
            assertEquals(wanted.get(r).path("last_logits_argmax").asInt(), row.path("argmax").get(row.path("argmax").size() - 1).asInt());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"4bit", "32bit"})
    void trainingTeachesANewStyle(String loadIn) throws Exception {
        Path data = pirates();
        Path run = temp.resolve("run");
        Cli trained = Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", run.toString(), "--load-in", loadIn, "--max-steps", "40", "--lr", "5e-3",
                "--validation-share", "0.2", "--json").ok();
        JsonNode report = Json.parse(trained.out(), Path.of("out"), "");
        assertTrue(report.path("validation_loss_after").asDouble() < 0.3 * report.path("validation_loss_before").asDouble(), "held-out loss falls: " + trained.out());
        List<String> metrics = Files.readAllLines(run.resolve("metrics.jsonl"));
        assertEquals(40, metrics.size());
        JsonNode first = Json.parse(metrics.getFirst(), run, "");
        for (String field : List.of("step", "loss", "grad_norm", "lr", "tokens", "seconds")) assertTrue(first.path(field).isNumber(), field);
        assertEquals(1, first.path("step").asInt());
        assertEquals(0, first.path("lr").asDouble());

        Path prompts = Files.writeString(temp.resolve("prompts.txt"), "Tell me about the dog and gold.\n");
        Cli compared = Cli.run("compare", "--model", model.toString(), "--load-in", loadIn, "--adapter", run.toString(), "--prompts", prompts.toString(), "--max-new-tokens", "40", "--json").ok();
        JsonNode answers = Json.parse(compared.out(), Path.of("out"), "");
        assertTrue(answers.path("tuned").asString().contains("Arr!"), compared.out());
        assertFalse(answers.path("base").asString().contains("Arr!"), compared.out());
        String chat = Cli.run("generate", "--model", model.toString(), "--load-in", loadIn, "--adapter", run.toString(), "--chat", "Tell me about the dog and gold.", "--max-new-tokens", "40").ok().out();
        assertEquals(answers.path("tuned").asString(), chat.strip(), "generate asks as compare does");
    }

    @Test
    void twoRunsGiveTheSameBytesForAnyNumberOfThreads() throws Exception {
        Path data = pirates();
        byte[][] adapters = new byte[3][];
        for (int i = 0; i < adapters.length; i++) {
            Path run = temp.resolve("run" + i);
            Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", run.toString(), "--max-steps", "4", "--threads", String.valueOf(i + 1), "--checkpointing",
                    i == 2 ? "none" : "recompute").ok();
            adapters[i] = Files.readAllBytes(run.resolve("adapter_model.safetensors"));
        }
        assertArrayEquals(adapters[0], adapters[1]);
        assertArrayEquals(adapters[0], adapters[2]);
        Path other = temp.resolve("other");
        Cli.run("train", "--model", model.toString(), "--data", data.toString(), "--out", other.toString(), "--max-steps", "4", "--seed", "1").ok();
        assertFalse(Arrays.equals(adapters[0], Files.readAllBytes(other.resolve("adapter_model.safetensors"))), "another seed gives another adapter");
    }

    @Test
    void tokenizedRowsFollowTheOracleThroughTheCommand() throws Exception {
        Path oracle = Shared.require("oracle/qwen2");
        JsonNode e = Json.read(oracle.resolve("expected.json"));
        List<String> rows = new ArrayList<>();
        try (TensorSource t = TensorSource.open(oracle.resolve("expected.safetensors"))) {
            float[] ids = t.floats("train.input_ids");
            float[] mask = t.floats("train.attention_mask");
            float[] labels = t.floats("train.labels");
            for (int r = 0; r < 40; r++) {
                List<Integer> i = new ArrayList<>();
                List<Integer> l = new ArrayList<>();
                for (int c = r * 48; c < (r + 1) * 48; c++) {
                    if (mask[c] == 0) continue;
                    i.add((int) ids[c]);
                    l.add((int) labels[c]);
                }
                rows.add("{\"input_ids\":" + i + ",\"labels\":" + l + "}");
            }
        }
        Path data = Files.write(temp.resolve("rows.jsonl"), rows);
        Path run = temp.resolve("run");
        Cli.run("train", "--model", oracle.toString(), "--data", data.toString(), "--out", run.toString(), "--init-adapter", oracle.resolve("adapter_init").toString(), "--no-shuffle", "--load-in",
                "32bit", "--precision", "fp32", "--batch", "2", "--accumulate", "1", "--lr", "2e-3", "--schedule", "linear", "--warmup", "5", "--weight-decay", "0.01", "--clip", "1", "--max-steps",
                "20").ok();
        List<String> metrics = Files.readAllLines(run.resolve("metrics.jsonl"));
        for (int s = 0; s < 20; s++) assertEquals(e.path("train").path("losses").get(s).asDouble(), Json.parse(metrics.get(s), run, "").path("loss").asDouble(), 2e-5, "loss of step " + s);
        try (TensorSource ours = TensorSource.open(run); TensorSource theirs = TensorSource.open(oracle.resolve("adapter_final"))) {
            assertEquals(theirs.tensors().stream().map(i -> i.name()).sorted().toList(), ours.tensors().stream().map(i -> i.name()).sorted().toList());
            for (var info : theirs.tensors()) assertArrayEquals(theirs.floats(info.name()), ours.floats(info.name()), 1e-5f, info.name());
        }
    }

    @Test
    void tokenizeGoesThereAndBack() {
        String ids = Cli.run("tokenize", "--model", model.toString(), "Once upon a time").ok().out().strip();
        assertTrue(ids.startsWith("[1,"), ids);
        assertFalse(Cli.run("tokenize", "--model", model.toString(), "--no-special", "Once upon a time").ok().out().startsWith("[1,"));
        assertEquals("\"Once upon a time\"", Cli.run("tokenize", "--model", model.toString(), "--decode", "--no-special", ids).ok().out().strip());
    }

    private Path pirates() throws Exception {
        List<String> rows = new ArrayList<>();
        for (String who : WHO)
            for (String what : WHAT)
                rows.add(String.format(Locale.ROOT, "{\"instruction\":\"Tell me about the %s and %s.\",\"output\":\"Arr! The %s had %s. Arr! The %s was a pirate. Yo ho ho!\"}", who, what, who, what, who));
        Collections.shuffle(rows, new Random(1));
        return Files.write(temp.resolve("pirates.jsonl"), rows);
    }
}
