package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonArrayTest {
    @TempDir
    Path folder;

    @Test
    void arrayOfObjects() {
        Path f = Rows.file(folder, "d.json", "\uFEFF[\n {\"a\":1},\n {\"a\":\n2}\n]\n");
        assertEquals(List.of("d.json item 1 (line 2) {\"a\":1}", "d.json item 2 (line 3) {\"a\":2}"), Rows.all(f));
    }

    @Test
    void prettyPrintedObjectsOneBehindTheOther() {
        Path f = Rows.file(folder, "d.json", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}{\"a\":3}");
        assertEquals(List.of("d.json item 1 (line 1) {\"a\":1}", "d.json item 2 (line 4) {\"a\":2}",
                "d.json item 3 (line 6) {\"a\":3}"), Rows.all(f));
    }

    @Test
    void linesUnderAJsonNameAreRecognised() {
        Path f = Rows.file(folder, "d.json", "{\"a\":1}\nbroken\n{\"a\":2}\n");
        List<String> rows = Rows.all(f);
        assertEquals("d.json line 1 {\"a\":1}", rows.get(0));
        assertTrue(rows.get(1).startsWith("! d.json line 2: is not valid JSON"), rows.get(1));
        assertEquals("d.json line 3 {\"a\":2}", rows.get(2));
    }

    @Test
    void itemsThatAreNoObjectsArePassedOver() {
        List<String> rows = Rows.all(Rows.file(folder, "d.json", "[{\"a\":1}, 2, [3], {\"a\":4}]"));
        assertTrue(rows.get(1).startsWith("! d.json item 2 (line 1): is a number"), rows.get(1));
        assertTrue(rows.get(2).startsWith("! d.json item 3 (line 1): is an array"), rows.get(2));
        assertEquals("d.json item 4 (line 1) {\"a\":4}", rows.get(3));
    }

    @Test
    void aSyntaxErrorNamesItsLine() {
        Path f = Rows.file(folder, "d.json", "[\n{\"a\":1},\n{\"a\":2},\n{\"a\" 3}\n]");
        DataException e = assertThrows(DataException.class, () -> Rows.all(f));
        assertTrue(e.getMessage().startsWith("d.json line 4: is not valid JSON in item 3, column "), e.getMessage());
        Path cut = Rows.file(folder, "cut.json", "[{\"a\":1},{\"a\":");
        assertThrows(DataException.class, () -> Rows.all(cut));
        Path open = Rows.file(folder, "open.json", "[{\"a\":1}");
        assertThrows(DataException.class, () -> Rows.all(open));
    }

    @Test
    void aHugeItemIsAnError() {
        Path f = Rows.file(folder, "d.json", "[{\"a\":1},{\"a\":\"" + "x".repeat(500_000) + "\"}]");
        DataException e = assertThrows(DataException.class,
                () -> Rows.all(f, SourceOptions.DEFAULT.withMaxRowBytes(100_000)));
        assertTrue(e.getMessage().contains("is longer than 100000 characters"), e.getMessage());
        assertEquals(2, Rows.all(f).size());
    }

    @Test
    void emptyFilesHoldNothing() {
        assertEquals(List.of(), Rows.all(Rows.file(folder, "e.json", "")));
        assertEquals(List.of(), Rows.all(Rows.file(folder, "f.json", "[]")));
        assertEquals(List.of(), Rows.all(Rows.file(folder, "g.jsonl", "\n\n")));
    }
}
