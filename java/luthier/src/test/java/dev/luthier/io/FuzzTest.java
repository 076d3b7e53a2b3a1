package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged files end in an error of one line or are readable to the last byte of each tensor. */
class FuzzTest {
    private static final int FILES = 12_000;

    @TempDir
    Path folder;

    @Test
    void safetensors() throws IOException {
        Path file = folder.resolve("m.safetensors");
        List<TensorInfo> tensors = List.of(TensorInfo.of("model.embed.weight", DType.BF16, 7, 6), TensorInfo.of("a", DType.F32, 3, 2),
                TensorInfo.of("b", DType.F32, 5), TensorInfo.of("empty", DType.I64, 0, 9), TensorInfo.of("\u00e9", DType.U8, 11),
                TensorInfo.of("f4", DType.F4, 4, 4), TensorInfo.of("scalar", DType.F64));
        try (SafetensorsWriter w = SafetensorsWriter.create(file, Map.of("format", "pt", "k", "v\n"), tensors, TensorSink.Progress.NONE)) {
            fill(w);
        }
        byte[] good = Files.readAllBytes(file);
        fuzz(file, good, 8 + (good[0] & 0xFF) + 256 * (good[1] & 0xFF));
    }

    @Test
    void gguf() throws IOException {
        Path file = folder.resolve("m.gguf");
        SequencedMap<String, GgufValue> m = new LinkedHashMap<>();
        m.put("general.architecture", GgufValue.string("llama"));
        m.put("general.alignment", GgufValue.uint32(32));
        m.put("llama.rope.freq_base", GgufValue.float32(10000));
        m.put("tokenizer.ggml.tokens", GgufValue.strings(List.of("a", "b", "\u20ac")));
        m.put("tokenizer.ggml.token_type", GgufValue.int32s(1, 3, 6));
        m.put("nested", new GgufValue(GgufType.ARRAY, GgufType.ARRAY, List.of(GgufValue.float32s(1, 2), GgufValue.strings(List.of("x")))));
        m.put("flag", GgufValue.bool(true));
        m.put("big", GgufValue.uint64(1L << 40));
        List<TensorInfo> tensors = List.of(TensorInfo.of("token_embd.weight", DType.F16, 5, 4), TensorInfo.of("norm", DType.F32, 7),
                TensorInfo.of("q", DType.Q4_K, 2, 256), TensorInfo.of("q8", DType.Q8_0, 3, 64), TensorInfo.of("e", DType.F32, 0, 3));
        try (GgufWriter w = GgufWriter.create(file, m, tensors, TensorSink.Progress.NONE)) {
            fill(w);
        }
        byte[] good = Files.readAllBytes(file);
        try (GgufFile f = GgufFile.open(file)) {
            fuzz(file, good, (int) f.dataOffset());
        }
    }

    private static void fill(TensorSink w) throws IOException {
        for (TensorInfo t : w.tensors()) {
            w.write(t.name(), MemorySegment.ofArray(new byte[(int) t.bytes()]));
        }
        w.commit();
    }

    private void fuzz(Path file, byte[] good, int headBytes) throws IOException {
        long seed = System.nanoTime();
        Mutations mutations = new Mutations(seed);
        int refused = 0;
        for (int i = 0; i < FILES; i++) {
            byte[] bytes = mutations.mutate(good, headBytes);
            Files.write(file, bytes);
            try (TensorSource f = TensorSource.open(file)) {
                readAll(f);
            } catch (FormatException e) {
                refused++;
                assertEquals(1, e.getMessage().lines().count(), e.getMessage());
                assertTrue(e.getMessage().length() < 1000, e.getMessage());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", file " + i + " kept as " + kept(bytes), e);
            }
        }
        assertTrue(refused > FILES / 4 && refused < FILES, refused + " of " + FILES + " refused, seed " + seed);
    }

    private static Path kept(byte[] bytes) throws IOException {
        return Files.write(Files.createTempFile("luthier-fuzz", ".bin"), bytes);
    }

    private static void readAll(TensorSource source) {
        for (TensorInfo t : source.tensors()) {
            MemorySegment bytes = source.bytes(t.name());
            assertEquals(t.bytes(), bytes.toArray(ValueLayout.JAVA_BYTE).length);
            if (Floats.canDecode(t.dtype())) {
                assertEquals(t.elements(), source.floats(t.name()).length);
            }
        }
        if (source instanceof GgufFile f) {
            assertEquals(f.values().size(), f.metadata().size());
            f.metadata().values().forEach(v -> assertTrue(!(v instanceof List<?> list) || list.stream().allMatch(e -> e != null)));
        }
    }
}
