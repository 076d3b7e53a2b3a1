package dev.luthier.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;
import dev.luthier.generate.Generator;
import dev.luthier.generate.ModelText;
import dev.luthier.generate.Sampling;
import dev.luthier.io.Json;
import dev.luthier.ops.Ops;
import dev.luthier.testing.Shared;
import dev.luthier.train.MicroBatch;
import dev.luthier.train.Schedule;
import dev.luthier.train.StepMetrics;
import dev.luthier.train.TrainOptions;
import dev.luthier.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** A GGUF file as the base model: the same model as the checkpoint it was made of, in each type that llama.cpp wrote. */
class GgufBaseTest {
    private Ops ops;

    @BeforeEach
    void open() {
        ops = new Ops(Engine.open(EngineConfig.cpu(Precision.FP32)));
    }

    @AfterEach
    void close() {
        ops.close();
        ops.engine().close();
    }

    /** llama.cpp rounds activations to 8 bits where weights are quantized and we do not: greedy tokens need not agree there, logits must be as near to the original as its own. */
    @ParameterizedTest
    @CsvSource({"llama,f32", "llama,f16", "llama,q8_0", "llama,q4_0", "llama,q4_k_m", "llama,q5_k_m", "llama,q6_k", "qwen2,f32", "qwen2,f16", "qwen2,q8_0", "qwen2,q4_0", "qwen2,q4_k_m",
        "qwen2,q5_k_m", "qwen2,q6_k"})
    void answersAsItsCheckpoint(String name, String type) throws Exception {
        Path folder = Shared.require("gguf_oracle/" + name);
        JsonNode expected = Json.read(folder.resolve("expected.json"));
        int[] prompt = ints(expected.path("prompt_ids"));
        Path file = folder.resolve(name + "-" + type + ".gguf");
        boolean quantized = type.startsWith("q");
        try (BaseModel hf = BaseModel.load(ops, folder.resolve("hf"), LoadIn.BIT32, (d, t) -> { });
                BaseModel gguf = BaseModel.load(ops, file, quantized ? LoadIn.BIT4 : LoadIn.BIT32, (d, t) -> { })) {
            assertEquals(hf.config().heads(), gguf.config().heads());
            assertEquals(hf.config().vocab(), gguf.config().vocab());
            assertEquals(quantized, !gguf.weights().layers().getFirst().matrices().get(Projection.Q).type().dense());
            double allowed = quantized ? 1.5 * expected.path(type).path("max_abs_logit_diff").asDouble() : 2e-5;
            assertEquals(0, worst(logits(hf, prompt), logits(gguf, prompt)), allowed, "logits of " + file);
            if (quantized) return;
            int[] greedy = ints(expected.path(type).path("greedy16"));
            assertArrayEquals(greedy, new Generator(ops, new Transformer(gguf.weights(), null)).generate(prompt, greedy.length, Sampling.GREEDY, Set.of(), id -> true).tokens());
        }
    }

    @Test
    void aQuantizedFileCanBeFineTuned() throws Exception {
        Path file = Shared.require("gguf_oracle/qwen2/qwen2-q4_k_m.gguf");
        try (BaseModel base = BaseModel.load(ops, file, LoadIn.BIT4, (d, t) -> { })) {
            LoraConfig lora = new LoraConfig(4, 8, false, LoraConfig.ALL);
            DeviceArena count = DeviceArena.counting();
            Adapter.allocate(count, base.config(), lora, true);
            try (DeviceArena arena = DeviceArena.of(ops.engine(), count.peak())) {
                Adapter adapter = Adapter.allocate(arena, base.config(), lora, true);
                adapter.initialize(ops.engine(), 1);
                int[] ids = {5, 6, 7, 8, 9, 10, 11, 12};
                int[] targets = {6, 7, 8, 9, 10, 11, 12, Transformer.IGNORE};
                List<StepMetrics> steps = new ArrayList<>();
                try (Trainer trainer = new Trainer(ops, new Transformer(base.weights(), adapter), new TrainOptions(30, 1e-2f, Schedule.CONSTANT, 0, 0, 1, 0, false, true), 8, 1)) {
                    trainer.run(step -> List.of(new MicroBatch(Packed.of(ids), targets)), steps::add);
                }
                assertTrue(steps.getLast().loss() < 0.2 * steps.getFirst().loss(), steps.getFirst().loss() + " to " + steps.getLast().loss());
            }
        }
    }

    @Test
    void theTokenizerComesFromTheFile() throws Exception {
        Path folder = Shared.require("gguf_oracle/qwen2");
        ModelText hf = ModelText.load(folder.resolve("hf"));
        ModelText gguf = ModelText.load(folder.resolve("qwen2-q8_0.gguf"));
        String text = "Hello, world! 1234 \u4f60\u597d";
        assertArrayEquals(hf.tokenizer().encode(text, false), gguf.tokenizer().encode(text, false));
    }

    private float[][] logits(BaseModel model, int[] prompt) {
        ops.engine().requireWorkspace(model.config().limits(prompt.length, 1, 0));
        int[] all = new int[prompt.length];
        for (int i = 0; i < all.length; i++) all[i] = i;
        try (DeviceArena arena = DeviceArena.of(ops.engine(), 8L << 20)) {
            return new Transformer(model.weights(), null).logits(ops, arena, Packed.of(prompt), all);
        }
    }

    private static double worst(float[][] a, float[][] b) {
        double worst = 0;
        for (int i = 0; i < a.length; i++) for (int j = 0; j < a[i].length; j++) worst = Math.max(worst, Math.abs(a[i][j] - b[i][j]));
        return worst;
    }

    private static int[] ints(JsonNode list) {
        int[] values = new int[list.size()];
        for (int i = 0; i < values.length; i++) values[i] = list.get(i).asInt();
        return values;
    }
}
