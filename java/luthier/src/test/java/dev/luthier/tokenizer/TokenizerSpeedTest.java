package dev.luthier.tokenizer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Seconds, not minutes. The times are of this thread's work, so that a busy machine does not matter; the limits are loose. */
class TokenizerSpeedTest {

    @Test
    void tenMegabytesOfMixedTextWithLlama3() throws IOException {
        Path folder = Shared.require("tokenizers/llama-3");
        double loadStart = seconds();
        Tokenizer tokenizer = Tokenizer.load(folder);
        double load = seconds() - loadStart;
        StringBuilder text = new StringBuilder();
        Random random = new Random(3);
        List<String> pieces = GgufVocabularyTest.texts(3, 2000);
        while (text.length() < 9_000_000) text.append(pieces.get(random.nextInt(pieces.size()))).append("The quick brown fox jumps over 13 lazy dogs. ");
        String all = text.toString();
        double start = seconds();
        int[] ids = tokenizer.encode(all, false);
        double encode = seconds() - start;
        double megabytes = all.getBytes(StandardCharsets.UTF_8).length / 1e6;
        System.out.printf("Llama-3 tokenizer: loaded in %.2f s, %.1f MB to %d ids in %.2f s (%.1f MB/s)%n", load, megabytes, ids.length, encode, megabytes / encode);
        assertTrue(encode < 20, encode + " s for " + megabytes + " MB");
        assertTrue(load < 10, load + " s to load");
    }

    private static double seconds() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9;
    }
}
