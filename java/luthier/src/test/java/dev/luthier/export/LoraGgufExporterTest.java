package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.luthier.io.TensorSink;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters as GGUF against the files of llama.cpp's own converter. */
class LoraGgufExporterTest {
    @RegisterExtension
    static final CpuOps CPU = new CpuOps();

    @TempDir
    Path out;

    @ParameterizedTest
    @CsvSource({"llama,F32", "llama,F16", "qwen2,F32", "qwen2,F16"})
    void filesAreLlamaCppsToTheByte(String model, ExportType type) throws IOException {
        Path folder = Shared.require("gguf_oracle/" + model);
        Path target = out.resolve("adapter.gguf");
        new LoraGgufExporter(CPU.ops()).export(folder.resolve("lora_peft"), folder.resolve("hf"), type, target, null, TensorSink.Progress.NONE);
        Path expected = folder.resolve(model + "-lora-" + type.label() + ".gguf");
        GgufOracleExportTest.describe(expected, target);
        assertEquals(-1, Files.mismatch(expected, target));
    }
}
