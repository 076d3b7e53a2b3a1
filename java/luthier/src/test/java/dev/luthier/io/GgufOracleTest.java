package dev.luthier.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files written by llama.cpp's own tools, against our reader, writer and decoders. */
class GgufOracleTest {
    @TempDir
    Path folder;

    private static List<Path> ggufFiles(String under) throws IOException {
        try (Stream<Path> files = Files.walk(Shared.require(under))) {
            return files.filter(p -> p.toString().endsWith(".gguf")).sorted().toList();
        }
    }

    @Test
    void everyFileIsRewrittenToTheByte() throws IOException {
        List<Path> files = ggufFiles("gguf_oracle");
        assertEquals(18, files.size());
        for (Path file : files) {
            Path copy = folder.resolve("copy.gguf");
            GgufWriterTest.rewrite(file, copy);
            assertEquals(-1, Files.mismatch(file, copy), file.toString());
        }
    }

    /** The dump names every key with its type, and every tensor with its type, shape and offset. */
    @ParameterizedTest
    @ValueSource(strings = {"llama/kv_dump.txt", "llama/kv_dump_lora.txt", "qwen2/kv_dump.txt", "qwen2/kv_dump_lora.txt"})
    void keysAndTensorsAreThoseOfTheDump(String dump) throws IOException {
        Path text = Shared.require("gguf_oracle/" + dump);
        List<String> expected = new ArrayList<>();
        List<String> got = new ArrayList<>();
        for (String line : Files.readAllLines(text)) {
            if (line.startsWith("# ")) {
                describe(text.resolveSibling(line.split("\\s+")[1]), got);
            } else if (line.startsWith("  ") && !line.startsWith("  --")) {
                String[] words = line.strip().split("\\s+");
                boolean tensor = line.matches("  \\S+\\s+\\S+\\s+\\[[0-9, ]+\\] \\d+");
                expected.add(tensor ? line.strip().replaceAll("\\s+", " ") : words[0] + " " + words[1]);
            }
        }
        assertTrue(expected.size() > 30);
        assertEquals(expected, got);
    }

    private static void describe(Path file, List<String> lines) throws IOException {
        try (GgufFile f = GgufFile.open(file)) {
            f.values().forEach((k, v) -> lines.add(k + " " + v.type() + (v.element() == null ? "" : "/" + v.element())));
            MemorySegment first = f.bytes(f.tensors().getFirst().name());
            for (TensorInfo t : f.tensors()) {
                long offset = f.bytes(t.name()).address() - first.address();
                lines.add(t.name() + " " + t.dtype() + " " + t.shape().reversed() + " " + offset);
            }
        }
    }

    /** What convert_hf_to_gguf.py makes of each Hugging Face tensor, made again from it. */
    @ParameterizedTest
    @CsvSource({"llama,F32,f32", "llama,F16,f16", "llama,Q8_0,q8_0", "qwen2,F32,f32", "qwen2,F16,f16", "qwen2,Q8_0,q8_0"})
    void plainTensorsEqualThoseMadeFromTheCheckpoint(String model, DType type, String suffix) throws IOException {
        try (TensorSource hf = TensorSource.open(Shared.require("gguf_oracle/" + model + "/hf"));
                GgufFile gguf = GgufFile.open(Shared.require("gguf_oracle/" + model + "/" + model + "-" + suffix + ".gguf"))) {
            assertEquals(hf.tensors().size(), gguf.tensors().size());
            Map<String, Object> m = gguf.metadata();
            for (TensorInfo t : hf.tensors()) {
                String name = ggufName(t.name());
                TensorInfo info = gguf.info(name);
                assertEquals(t.shape(), info.shape(), name);
                assertEquals(t.rank() == 1 ? DType.F32 : type, info.dtype(), name);
                float[] x = hf.floats(t.name());
                if (model.equals("llama") && name.matches(".*attn_[qk]\\.weight")) {
                    x = permute(x, (int) (long) (Long) m.get("llama.attention.head_count" + (name.contains("_k.") ? "_kv" : "")),
                            (int) t.dim(0), (int) t.dim(1));
                }
                assertEquals(-1, gguf.bytes(name).mismatch(encode(info.dtype(), x)), name);
            }
        }
    }

    private static String ggufName(String hf) {
        String name = hf.replace("model.embed_tokens", "token_embd").replace("lm_head", "output")
                .replace("model.norm", "output_norm").replace("model.layers.", "blk.")
                .replace("input_layernorm", "attn_norm").replace("post_attention_layernorm", "ffn_norm");
        for (String p : List.of("q", "k", "v")) {
            name = name.replace("self_attn." + p + "_proj", "attn_" + p);
        }
        for (String p : List.of("gate", "up", "down")) {
            name = name.replace("mlp." + p + "_proj", "ffn_" + p);
        }
        return name.replace("self_attn.o_proj", "attn_output");
    }

    /** Row 2i+j of a head is its old row j (head/2) + i. */
    private static float[] permute(float[] x, int heads, int rows, int columns) {
        float[] y = new float[x.length];
        int head = rows / heads;
        for (int r = 0; r < rows; r++) {
            int in = r % head;
            int old = r - in + in % 2 * (head / 2) + in / 2;
            System.arraycopy(x, old * columns, y, r * columns, columns);
        }
        return y;
    }

    private static MemorySegment encode(DType type, float[] x) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) type.bytes(x.length)]);
        if (type == DType.Q8_0) {
            for (int i = 0; i < x.length / 32; i++) {
                quantize(x, 32 * i, bytes.asSlice(34L * i, 34));
            }
        } else {
            Floats.encode(type, x, 0, x.length, bytes, 0);
        }
        return bytes;
    }

    /** A Q8_0 block: d = max |x| / 127, q = x / d rounded half away from zero. */
    private static void quantize(float[] x, int at, MemorySegment block) {
        float max = 0;
        for (int i = 0; i < 32; i++) {
            max = Math.max(max, Math.abs(x[at + i]));
        }
        float d = max / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(d));
        for (int i = 0; i < 32; i++) {
            float scaled = x[at + i] * inverse;
            block.set(ValueLayout.JAVA_BYTE, 2 + i, (byte) (scaled + Math.copySign(0.5f, scaled)));
        }
    }

    /**
     * Quantized files decode to the F32 file up to the rounding of their type: the mean error of a
     * tensor relative to its mean size is what so many bits give on normally distributed weights.
     */
    @ParameterizedTest
    @ValueSource(strings = {"q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"})
    void quantizedTensorsDecodeToTheOriginal(String suffix) throws IOException {
        Map<DType, Double> limit = Map.of(DType.F32, 0.0, DType.Q8_0, 0.006, DType.Q6_K, 0.022, DType.Q5_K, 0.04,
                DType.Q4_K, 0.08, DType.Q4_0, 0.11);
        for (String model : List.of("llama", "qwen2")) {
            try (GgufFile exact = GgufFile.open(Shared.require("gguf_oracle/" + model + "/" + model + "-f32.gguf"));
                    GgufFile quantized = GgufFile.open(Shared.require("gguf_oracle/" + model + "/" + model + "-" + suffix + ".gguf"))) {
                for (TensorInfo t : quantized.tensors()) {
                    float[] x = exact.floats(t.name());
                    float[] y = quantized.floats(t.name());
                    double error = 0;
                    double size = 0;
                    for (int i = 0; i < x.length; i++) {
                        error += (x[i] - y[i]) * (double) (x[i] - y[i]);
                        size += x[i] * (double) x[i];
                    }
                    double relative = Math.sqrt(error / size);
                    double most = limit.get(t.dtype());
                    assertTrue(relative <= most && relative >= most / 8, model + " " + t + " " + relative);
                }
            }
        }
    }
}
