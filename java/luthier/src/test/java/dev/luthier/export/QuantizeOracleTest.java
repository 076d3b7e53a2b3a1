package dev.luthier.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.io.GgufFile;
import dev.luthier.io.TensorInfo;
import dev.luthier.testing.Shared;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The engine's quantizers against the tensors that llama-quantize made of the same numbers. */
class QuantizeOracleTest {
    @RegisterExtension
    static final CpuOps CPU = new CpuOps();

    @ParameterizedTest
    @CsvSource({"llama,q4_0,Q4_0", "llama,q8_0,Q8_0", "llama,q4_k_m,Q4_K", "llama,q5_k_m,Q5_K", "llama,q6_k,Q6_K",
        "qwen2,q4_0,Q4_0", "qwen2,q8_0,Q8_0", "qwen2,q4_k_m,Q4_K", "qwen2,q5_k_m,Q5_K", "qwen2,q6_k,Q6_K"})
    void tensorsAreLlamaCppsToTheByte(String model, String suffix, DType base) throws IOException {
        Path folder = Shared.require("gguf_oracle/" + model);
        int ofBaseType = 0;
        try (GgufFile exact = GgufFile.open(folder.resolve(model + "-f32.gguf"));
                GgufFile quantized = GgufFile.open(folder.resolve(model + "-" + suffix + ".gguf"))) {
            assertEquals(exact.tensors().size(), quantized.tensors().size());
            for (TensorInfo t : quantized.tensors()) {
                if (t.rank() == 1) continue;
                DType type = DType.valueOf(t.dtype().name());
                if (type == base) ofBaseType++;
                assertEquals(-1, quantize(exact.bytes(t.name()), type, t).mismatch(quantized.bytes(t.name())), t.toString());
            }
        }
        assertTrue(ofBaseType > 5, ofBaseType + " tensors of " + base);
    }

    private static MemorySegment quantize(MemorySegment values, DType type, TensorInfo t) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(type.bytes(t.dim(0), t.dim(1)), 64);
            CPU.ops().quantizeRows(out, type, values, t.dim(0), t.dim(1), null);
            return MemorySegment.ofArray(out.toArray(ValueLayout.JAVA_BYTE));
        }
    }
}
