package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.luthier.engine.DeviceArena;
import dev.luthier.generate.Generator;
import dev.luthier.generate.Sampling;
import dev.luthier.io.TensorSink;
import dev.luthier.model.Adapter;
import dev.luthier.model.AdapterFiles;
import dev.luthier.model.BaseModel;
import dev.luthier.model.LoadIn;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.Param;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Philox;
import dev.luthier.testing.Shared;
import dev.luthier.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A real llama.cpp reads what a tuned model was exported to, and says what our engine says. */
@TestInstance(Lifecycle.PER_CLASS)
class LlamaCppReadsTest {
    private static final int TOKENS = 48;
    private static final long SEED = 11;
    private static final List<String> PROMPTS = List.of("Once upon a time", "The little dog", "Lily and Tom were");

    @RegisterExtension
    static final CpuOps CPU = new CpuOps();

    @TempDir
    static Path folder;

    private Path model;
    private Path adapter;
    private BaseModel base;
    private Adapter tuned;
    private DeviceArena arena;
    private Tokenizer tokenizer;

    /** stories260K with a random adapter that changes what it says and keeps it text. */
    @BeforeAll
    void tune() throws IOException {
        model = Shared.require("models/stories260k");
        adapter = folder.resolve("adapter");
        tokenizer = Tokenizer.load(model);
        base = BaseModel.load(CPU.ops(), model, LoadIn.BIT32, TensorSink.Progress.NONE);
        LoraConfig lora = new LoraConfig(8, 16, false, LoraConfig.ALL);
        DeviceArena count = DeviceArena.counting();
        Adapter.allocate(count, base.config(), lora, true);
        arena = DeviceArena.of(CPU.ops().engine(), count.peak());
        tuned = Adapter.allocate(arena, base.config(), lora, true);
        tuned.initialize(CPU.ops().engine(), SEED);
        for (Param p : tuned.params().all()) {
            if (!p.name().endsWith("lora_B.weight")) continue;
            float[] values = new float[Math.toIntExact(p.value().elements())];
            Philox.fillUniform(values, 0.05f, SEED, p.name());
            CPU.ops().engine().upload(p.value(), values);
        }
        AdapterFiles.write(CPU.ops().engine(), tuned, adapter, "stories260k");
    }

    @AfterAll
    void close() {
        if (arena != null) arena.close();
        if (base != null) base.close();
    }

    private List<String> ours(Adapter with) {
        Generator generator = new Generator(CPU.ops(), new Transformer(base.weights(), with));
        List<String> texts = new ArrayList<>();
        for (String prompt : PROMPTS) {
            int[] ids = tokenizer.encode(prompt);
            int[] all = IntStream.concat(Arrays.stream(ids),
                    Arrays.stream(generator.generate(ids, TOKENS, Sampling.GREEDY, Set.of(2), id -> true).tokens())).toArray();
            texts.add(tokenizer.decode(all, true).substring(tokenizer.decode(ids, true).length()));
        }
        return texts;
    }

    private static List<String> texts(List<LlamaCpp.Answer> answers) {
        return answers.stream().map(LlamaCpp.Answer::text).toList();
    }

    @Test
    void mergedModelSaysTheSame() throws IOException, InterruptedException {
        SequencedMap<ExportType, Path> files = new LinkedHashMap<>();
        for (ExportType type : List.of(ExportType.F16, ExportType.Q8_0)) files.put(type, folder.resolve(type.label() + ".gguf"));
        new GgufExporter(CPU.ops(), ModelExport.of(model, adapter)).export(files, TensorSink.Progress.NONE);
        List<LlamaCpp.Answer> f16 = LlamaCpp.continueText(files.get(ExportType.F16), null, PROMPTS, TOKENS);
        for (int i = 0; i < PROMPTS.size(); i++) assertArrayEquals(tokenizer.encode(PROMPTS.get(i), false), f16.get(i).prompt(), PROMPTS.get(i));
        assertEquals(ours(tuned), texts(f16));
        assertNotEquals(ours(null), texts(f16), "the adapter changes nothing");
        List<LlamaCpp.Answer> q8 = LlamaCpp.continueText(files.get(ExportType.Q8_0), null, PROMPTS, TOKENS);
        for (LlamaCpp.Answer a : q8) assertFalse(a.text().isBlank());
    }

    @Test
    void adapterFileOnItsBaseSaysTheSame() throws IOException, InterruptedException {
        SequencedMap<ExportType, Path> files = new LinkedHashMap<>();
        files.put(ExportType.F32, folder.resolve("base.gguf"));
        new GgufExporter(CPU.ops(), ModelExport.of(model, null)).export(files, TensorSink.Progress.NONE);
        Path lora = new LoraGgufExporter(CPU.ops()).export(adapter, model, ExportType.F32, folder.resolve("lora.gguf"), "Tuned", TensorSink.Progress.NONE);
        assertEquals(ours(null), texts(LlamaCpp.continueText(files.get(ExportType.F32), null, PROMPTS, TOKENS)));
        assertEquals(ours(tuned), texts(LlamaCpp.continueText(files.get(ExportType.F32), lora, PROMPTS, TOKENS)));
    }

    /** Every type that can be written is read; the matrices here are wide enough for blocks of 256. */
    @Test
    void everyTypeIsRead() throws IOException, InterruptedException {
        Path wide = Shared.require("gguf_oracle/llama");
        SequencedMap<ExportType, Path> files = new LinkedHashMap<>();
        for (ExportType type : ExportType.values()) files.put(type, folder.resolve("wide-" + type.label() + ".gguf"));
        new GgufExporter(CPU.ops(), ModelExport.of(wide.resolve("hf"), wide.resolve("lora_peft"))).export(files, TensorSink.Progress.NONE);
        List<LlamaCpp.Answer> answers = LlamaCpp.continueText(new ArrayList<>(files.values()), null, List.of("in the"), 4);
        assertEquals(files.size(), answers.size());
        for (LlamaCpp.Answer a : answers) assertArrayEquals(answers.getFirst().prompt(), a.prompt());
    }
}
