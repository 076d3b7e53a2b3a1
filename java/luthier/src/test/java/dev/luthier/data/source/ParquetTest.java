package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Seven rows of our own, written by pyarrow 25 with each compression. */
class ParquetTest {
    @TempDir
    Path folder;

    static Path golden(String name) {
        try {
            return Path.of(ParquetTest.class.getResource(name + ".parquet").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<String> expected(String name) {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            String messages = i == 5 ? "[]" : "[{\"role\":\"user\",\"content\":\"hi " + i
                    + "\"},{\"role\":\"assistant\",\"content\":\"ho " + i + "\"}]";
            rows.add(name + ".parquet row " + (i + 1) + " {\"Question\":\"问题 " + i + ": why does wood number " + i
                    + " sing?\",\"Complex_CoT\":" + (i % 3 == 0 ? "null" : "\"Think " + i + ".\"")
                    + ",\"Response\":\"Answer " + i + "\\nsecond line\",\"score\":" + i / 4.0 + ",\"n\":" + i + ",\"ok\":"
                    + (i % 2 == 0) + ",\"messages\":" + messages + ",\"ids\":"
                    + Arrays.toString(java.util.stream.IntStream.range(0, i).toArray()).replace(" ", "") + "}");
        }
        return rows;
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "snappy", "gzip", "zstd"})
    void everyCompressionThatHubsUse(String name) {
        assertEquals(expected(name), Rows.all(golden(name)));
    }

    @Test
    void damagedFilesAreNamed() throws IOException {
        byte[] whole = Files.readAllBytes(golden("plain"));
        Path cut = Rows.file(folder, "cut.parquet", Arrays.copyOf(whole, whole.length / 2));
        DataException e = assertThrows(DataException.class, () -> Rows.all(cut));
        assertTrue(e.getMessage().contains("cut.parquet is not a Parquet file that can be read"), e.getMessage());
        Path text = Rows.file(folder, "text.parquet", "{\"a\":1}");
        assertThrows(DataException.class, () -> Rows.all(text));
        assertTrue(assertThrows(DataException.class, () -> Rows.all(folder.resolve("no.parquet"))).getMessage()
                .contains("does not exist"));
    }
}
