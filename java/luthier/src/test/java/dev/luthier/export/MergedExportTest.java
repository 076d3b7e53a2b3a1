package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.DType;
import dev.luthier.io.GgufFile;
import dev.luthier.io.Json;
import dev.luthier.io.TensorInfo;
import dev.luthier.io.TensorSink;
import dev.luthier.io.TensorSource;
import dev.luthier.model.BaseModel;
import dev.luthier.model.LoadIn;
import dev.luthier.model.Projection;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What a merge gives, and what an export that does not end leaves behind. */
class MergedExportTest {
    private static final int RANK = 8;
    private static final double SCALE = 2;

    @RegisterExtension
    static final CpuOps CPU = new CpuOps();

    @TempDir
    Path out;

    private Path model;
    private Path adapter;

    @BeforeEach
    void model() {
        model = Shared.require("gguf_oracle/llama/hf");
        adapter = Shared.require("gguf_oracle/llama/lora_peft");
    }

    private static double[] merged(TensorSource base, TensorSource lora, TensorInfo t) {
        float[] w = base.floats(t.name());
        double[] y = new double[w.length];
        for (int i = 0; i < w.length; i++) y[i] = w[i];
        String a = "base_model.model." + t.name().replace(".weight", ".lora_A.weight");
        if (lora.find(a).isEmpty()) return y;
        float[] fa = lora.floats(a);
        float[] fb = lora.floats(a.replace("lora_A", "lora_B"));
        int columns = (int) t.dim(1);
        for (int i = 0; i < y.length; i++)
            for (int r = 0; r < RANK; r++) y[i] += SCALE * fb[i / columns * RANK + r] * (double) fa[r * columns + i % columns];
        return y;
    }

    private static void assertClose(double[] expected, float[] actual, String what) {
        double error = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
            error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            size += expected[i] * expected[i];
        }
        assertTrue(Math.sqrt(error / size) < 1e-6, what + ": relative error " + Math.sqrt(error / size));
    }

    @Test
    void safetensorsHoldTheSumOfBaseAndAdapter() throws IOException {
        Path folder = out.resolve("merged");
        new SafetensorsExporter(CPU.ops(), ModelExport.of(model, adapter)).export(folder, DType.F32, 500_000, TensorSink.Progress.NONE);
        try (TensorSource base = TensorSource.open(model); TensorSource lora = TensorSource.open(adapter); TensorSource result = TensorSource.open(folder)) {
            assertEquals(base.tensors().size(), result.tensors().size());
            for (TensorInfo t : base.tensors()) {
                assertEquals(t.as(DType.F32), result.info(t.name()));
                assertClose(merged(base, lora, t), result.floats(t.name()), t.name());
            }
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(12, files.filter(f -> f.toString().endsWith(".safetensors")).count(), "tensors of half a megabyte and less in files of at most 500 kB");
        }
        assertEquals("float32", Json.readObject(folder.resolve("config.json")).path("dtype").asString());
        assertEquals(-1, Files.mismatch(model.resolve("tokenizer.json"), folder.resolve("tokenizer.json")));
    }

    @Test
    void ggufHoldsTheSameWithHeadsInItsOwnOrder() throws IOException {
        Path file = out.resolve("m.gguf");
        export(ModelExport.of(model, adapter), file, TensorSink.Progress.NONE);
        try (TensorSource base = TensorSource.open(model); TensorSource lora = TensorSource.open(adapter); GgufFile result = GgufFile.open(file)) {
            TensorInfo q = base.info("model.layers.1.self_attn.q_proj.weight");
            double[] rows = merged(base, lora, q);
            double[] ordered = new double[rows.length];
            int half = 16;
            for (int head = 0; head < 8; head++)
                for (int i = 0; i < half; i++)
                    for (int j = 0; j < 2; j++)
                        System.arraycopy(rows, (head * 32 + j * half + i) * 256, ordered, (head * 32 + 2 * i + j) * 256, 256);
            assertClose(ordered, result.floats("blk.1.attn_q.weight"), "q");
            TensorInfo v = base.info("model.layers.1.self_attn.v_proj.weight");
            assertClose(merged(base, lora, v), result.floats("blk.1.attn_v.weight"), "v");
        }
    }

    /** The weights a 4-bit run has in memory, where projections are rounded and nothing else is. */
    @Test
    void nf4BaseIsWhatTrainingSaw() throws IOException {
        Path file = out.resolve("nf4.gguf");
        export(new ModelExport(model, null, MergeBase.NF4, null, null), file, TensorSink.Progress.NONE);
        try (BaseModel loaded = BaseModel.load(CPU.ops(), model, LoadIn.BIT4, TensorSink.Progress.NONE); GgufFile result = GgufFile.open(file);
                TensorSource base = TensorSource.open(model)) {
            var down = loaded.weights().layers().get(1).matrices().get(Projection.DOWN);
            long address = CPU.ops().engine().alloc(down.rows() * down.cols() * Float.BYTES);
            var y = dev.luthier.engine.Tensor.of(address, down.rows(), down.cols(), dev.luthier.engine.DType.F32);
            CPU.ops().dequantize(y, down, 0);
            assertArrayEquals(CPU.ops().engine().floats(y), result.floats("blk.1.ffn_down.weight"));
            CPU.ops().engine().free(address);
            assertArrayEquals(base.floats("model.embed_tokens.weight"), result.floats("token_embd.weight"));
        }
    }

    private static void export(ModelExport what, Path file, TensorSink.Progress progress) throws IOException {
        SequencedMap<ExportType, Path> targets = new LinkedHashMap<>();
        targets.put(ExportType.F32, file);
        new GgufExporter(CPU.ops(), what).export(targets, progress);
    }

    private List<String> left() throws IOException {
        try (Stream<Path> files = Files.list(out)) {
            return files.map(f -> f.getFileName().toString()).toList();
        }
    }

    @Test
    void interruptedExportLeavesNothing() throws IOException {
        TensorSink.Progress stop = (done, total) -> {
            if (done > total / 2) throw new IllegalStateException("stopped");
        };
        assertThrows(IllegalStateException.class, () -> export(ModelExport.of(model, adapter), out.resolve("m.gguf"), stop));
        assertEquals(List.of(), left());
        SafetensorsExporter folder = new SafetensorsExporter(CPU.ops(), ModelExport.of(model, adapter));
        assertThrows(IllegalStateException.class, () -> folder.export(out.resolve("m"), DType.F16, 500_000, stop));
        assertEquals(List.of(), left());
    }

    @Test
    void aFolderWithFilesIsNotOverwritten() throws IOException {
        Files.writeString(Files.createDirectory(out.resolve("m")).resolve("mine.txt"), "kept");
        SafetensorsExporter exporter = new SafetensorsExporter(CPU.ops(), ModelExport.of(model, null));
        var e = assertThrows(FileAlreadyExistsException.class, () -> exporter.export(out.resolve("m"), DType.F16, 500_000, TensorSink.Progress.NONE));
        assertTrue(e.getMessage().contains("it exists already; name a new folder"), e.getMessage());
        assertEquals(List.of("m"), left());
    }
}
