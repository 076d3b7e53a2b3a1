package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourcesTest {
    @TempDir
    Path folder;

    private List<String> names(String... patterns) {
        return Sources.expand(List.of(patterns).stream().map(p -> folder + "/" + p).toList()).stream()
                .map(p -> folder.relativize(p).toString()).toList();
    }

    @Test
    void filesAndGlobs() throws IOException {
        Files.createDirectories(folder.resolve("sub/deep"));
        for (String n : List.of("b.jsonl", "a.jsonl", "c.txt", "x[1].jsonl", "sub/d.jsonl", "sub/deep/e.jsonl")) {
            Rows.file(folder, n, "{}");
        }
        assertEquals(List.of("a.jsonl", "b.jsonl", "x[1].jsonl"), names("*.jsonl"));
        assertEquals(List.of("c.txt", "a.jsonl", "b.jsonl", "x[1].jsonl"), names("c.txt", "a.jsonl", "*.jsonl"));
        assertEquals(List.of("sub/d.jsonl"), names("sub/*.jsonl"));
        assertEquals(List.of("sub/d.jsonl", "sub/deep/e.jsonl"), names("sub/**.jsonl"));
        assertEquals(List.of("x[1].jsonl"), names("x[1].jsonl"));
        DataException none = assertThrows(DataException.class, () -> names("*.csv"));
        assertTrue(none.getMessage().startsWith("no file matches '"), none.getMessage());
        assertThrows(DataException.class, () -> names("missing.jsonl"));
        assertThrows(DataException.class, () -> Sources.expand(List.of()));
    }

    @Test
    void severalFilesAreOneSequence() {
        Path a = Rows.file(folder, "a.jsonl", "{\"a\":1}\nx\n");
        Path b = Rows.file(folder, "b.csv", "a\n2\n");
        List<String> rows = Rows.all(Sources.open(List.of(a, b), SourceOptions.DEFAULT));
        assertEquals("a.jsonl line 1 {\"a\":1}", rows.get(0));
        assertTrue(rows.get(1).startsWith("! a.jsonl line 2"), rows.get(1));
        assertEquals("b.csv line 2 {\"a\":\"2\"}", rows.get(2));
    }

    @Test
    void formatsByNameAndContent() {
        String[][] cases = {
            {"a.jsonl", "", "JSONL"}, {"a.ndjson.gz", "", "JSONL"}, {"a.csv", "", "CSV"}, {"a.tsv", "", "TSV"},
            {"a.txt", "", "TEXT"}, {"a.xml", "", "XML"}, {"a.parquet", "", "PARQUET"}, {"A.JSON", " [", "JSON"},
            {"a.json", "{\"a\":1}\n", "JSONL"}, {"a.json", "{\n\"a\":1}\n", "JSON"}, {"a", "[{}]", "JSON"},
            {"a", "{\"a\":1}", "JSONL"}, {"a", "<d/>", "XML"}, {"a.bin", "PAR1", "PARQUET"}};
        for (String[] c : cases) {
            Path f = Rows.file(folder, c[0], c[1]);
            assertEquals(c[2], Sources.formatOf(f, SourceOptions.DEFAULT).name(), c[0] + " " + c[1]);
        }
        Path gz = Rows.file(folder, "z.json.gz", Rows.gzip("[{\"a\":1}]".getBytes(StandardCharsets.UTF_8)));
        assertEquals(List.of("z.json.gz item 1 (line 1) {\"a\":1}"), Rows.all(gz));
        Path unknown = Rows.file(folder, "a.dat", "hello");
        DataException e = assertThrows(DataException.class, () -> Rows.all(unknown));
        assertTrue(e.getMessage().contains("name its format with --format"), e.getMessage());
        assertEquals(Format.CSV, Format.named("csv"));
        assertThrows(DataException.class, () -> Format.named("docx"));
    }
}
