package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorSink;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our files against those that llama.cpp's own tools made of the same checkpoints. */
class GgufOracleExportTest {
    @RegisterExtension
    static final CpuOps CPU = new CpuOps();

    @TempDir
    Path out;

    /** All types of one model in one pass, each equal to llama.cpp's file in every byte. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2"})
    void filesAreLlamaCppsToTheByte(String model) throws IOException {
        Path folder = Shared.require("gguf_oracle/" + model);
        SequencedMap<ExportType, Path> targets = new LinkedHashMap<>();
        for (ExportType type : ExportType.values())
            if (Files.exists(oracle(folder, type))) targets.put(type, out.resolve(type.label() + ".gguf"));
        assertEquals(7, targets.size());
        new GgufExporter(CPU.ops(), ModelExport.of(folder.resolve("hf"), null)).export(targets, TensorSink.Progress.NONE);
        for (ExportType type : targets.keySet()) {
            describe(oracle(folder, type), targets.get(type));
            assertEquals(-1, Files.mismatch(oracle(folder, type), targets.get(type)), model + " " + type);
        }
    }

    private static Path oracle(Path folder, ExportType type) {
        return folder.resolve(folder.getFileName() + "-" + type.label() + ".gguf");
    }

    /** Says where two files differ in terms of keys and tensors, before the bytes are compared. */
    static void describe(Path expected, Path actual) throws IOException {
        try (GgufFile a = GgufFile.open(expected); GgufFile b = GgufFile.open(actual)) {
            assertEquals(new ArrayList<>(a.values().keySet()), new ArrayList<>(b.values().keySet()), "keys");
            a.values().forEach((key, value) -> {
                assertEquals(value.type(), b.values().get(key).type(), key);
                assertEquals(value.element(), b.values().get(key).element(), key);
                assertEquals(value.value(), b.values().get(key).value(), key);
            });
            assertEquals(a.tensors(), b.tensors(), "tensors");
            a.tensors().forEach(t -> assertEquals(-1, a.bytes(t.name()).mismatch(b.bytes(t.name())), actual.getFileName() + " " + t));
        }
    }
}
