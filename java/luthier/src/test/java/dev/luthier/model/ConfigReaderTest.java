package dev.luthier.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.io.FormatException;
import dev.luthier.testing.Shared;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** config.json in its newer and its older form, and broken in ten thousand ways. */
class ConfigReaderTest {
    private static final String[] VALUES = {"null", "-1", "0", "1e30", "99999999999", "\"x\"", "[]", "{}", "true", "0.5", "[1,2,3]", "\"silu\"", "7", "4096"};

    @TempDir
    Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3", "phi3_longrope"})
    void bothFormsSayTheSame(String name) throws Exception {
        Path folder = Shared.require("oracle/" + name);
        ModelConfig now = ConfigReader.read(folder.resolve("config.json"));
        ModelConfig legacy = ConfigReader.read(folder.resolve("config_legacy.json"));
        assertEquals(withoutRopes(now), withoutRopes(legacy));
        assertEquals(now.ropes().size(), legacy.ropes().size());
        for (int i = 0; i < now.ropes().size(); i++) {
            Rope a = now.ropes().get(i);
            Rope b = legacy.ropes().get(i);
            assertArrayEquals(a.invFreq(), b.invFreq());
            assertArrayEquals(a.longInvFreq(), b.longInvFreq());
            assertEquals(a.mscale(), b.mscale());
            assertEquals(a.originalMax(), b.originalMax());
        }
    }

    private static ModelConfig withoutRopes(ModelConfig c) {
        return new ModelConfig(c.family(), c.hidden(), c.layers(), c.heads(), c.kvHeads(), c.headDim(), c.intermediate(), c.vocab(), c.maxPositions(), c.normEps(), c.activation(),
                c.tied(), c.attentionScale(), c.attentionSoftcap(), c.logitSoftcap(), c.layerKinds(), List.of(), c.bosId(), c.eosIds());
    }

    @Test
    void mutatedFilesEndInAConfigOrASentence() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        String[] texts = new String[7];
        String[] names = {"llama3", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3_longrope"};
        for (int i = 0; i < names.length; i++) texts[i] = Files.readString(Shared.require("oracle/" + names[i] + (i % 2 == 0 ? "/config.json" : "/config_legacy.json")));
        Path file = temp.resolve("config.json");
        int refused = 0;
        for (int n = 0; n < 10_000; n++) {
            String mutant = mutate(texts[random.nextInt(texts.length)], random);
            Files.write(file, mutant.getBytes(StandardCharsets.UTF_8));
            try {
                ModelConfig c = ConfigReader.read(temp);
                assertTrue(c.layers() > 0 && c.heads() % c.kvHeads() == 0 && c.layerKinds().size() == c.layers(), mutant);
            } catch (FormatException e) {
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", mutant " + n + ": " + mutant, e);
            }
        }
        assertTrue(refused > 1000, "mutants are really broken: " + refused);
    }

    private static String mutate(String text, Random random) {
        if (random.nextInt(4) == 0) {
            StringBuilder s = new StringBuilder(text);
            for (int k = 0; k <= random.nextInt(3); k++) s.setCharAt(random.nextInt(s.length()), (char) (32 + random.nextInt(95)));
            return s.toString();
        }
        String[] lines = text.split("\n");
        for (int k = 0; k <= random.nextInt(2); k++) {
            int i = random.nextInt(lines.length);
            int colon = lines[i].indexOf(": ");
            if (colon < 0) continue;
            lines[i] = lines[i].substring(0, colon + 2) + VALUES[random.nextInt(VALUES.length)] + (lines[i].endsWith(",") ? "," : "");
        }
        return String.join("\n", lines);
    }
}
