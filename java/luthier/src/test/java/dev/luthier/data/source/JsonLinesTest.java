package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
    @TempDir
    Path folder;

    @Test
    void oneObjectALine() {
        Path f = Rows.file(folder, "d.jsonl", "{\"a\":1}\n\n  \n{\"a\":\"问\"}");
        assertEquals(List.of("d.jsonl line 1 {\"a\":1}", "d.jsonl line 4 {\"a\":\"问\"}"), Rows.all(f));
    }

    @Test
    void byteOrderMarkAndCarriageReturns() {
        Path f = Rows.file(folder, "d.jsonl", "\uFEFF{\"a\":1}\r\n{\"a\":2}\r\n");
        assertEquals(List.of("d.jsonl line 1 {\"a\":1}", "d.jsonl line 2 {\"a\":2}"), Rows.all(f));
    }

    @Test
    void aMalformedLineIsNamedAndSpoilsNothingElse() {
        StringBuilder b = new StringBuilder();
        for (int i = 1; i <= 20; i++) b.append(i == 17 ? "{\"a\": 17,, }" : "{\"a\": " + i + "}").append('\n');
        List<String> rows = Rows.all(Rows.file(folder, "data.jsonl", b.toString()));
        assertEquals(20, rows.size());
        assertTrue(rows.get(16).startsWith("! data.jsonl line 17: is not valid JSON at column "), rows.get(16));
        assertTrue(rows.get(16).endsWith("; correct the line or pass --skip-bad-rows"), rows.get(16));
        assertEquals("data.jsonl line 18 {\"a\":18}", rows.get(17));
    }

    @Test
    void whatIsNotAnObjectIsRefused() {
        Path f = Rows.file(folder, "d.jsonl", "[1]\n3\n\"x\"\nnull\n{\"a\":1} {\"a\":2}\n{\"a\":1,\"a\":2}\n");
        List<String> rows = Rows.all(f);
        assertTrue(rows.get(0).startsWith("! d.jsonl line 1: holds an array"), rows.get(0));
        assertTrue(rows.get(1).startsWith("! d.jsonl line 2: holds a number"), rows.get(1));
        assertTrue(rows.get(2).startsWith("! d.jsonl line 3: holds a string"), rows.get(2));
        assertTrue(rows.get(3).startsWith("! d.jsonl line 4: holds null"), rows.get(3));
        assertTrue(rows.get(4).startsWith("! d.jsonl line 5: is not valid JSON"), rows.get(4));
        assertTrue(rows.get(5).startsWith("! d.jsonl line 6: is not valid JSON"), rows.get(5));
    }

    @Test
    void invalidUtf8IsNamedByLineAndByte() {
        byte[] bytes = "{\"a\":1}\n{\"a\":\"xx\"}\n{\"a\":\"\uFFFD\"}\n".getBytes(StandardCharsets.UTF_8);
        bytes[14] = (byte) 0xC3;
        List<String> rows = Rows.all(Rows.file(folder, "d.jsonl", bytes));
        assertEquals("! d.jsonl line 2: byte 7 (0xC3) is not valid UTF-8; save the file as UTF-8 or name its encoding"
                + " with --encoding (for example gb18030)", rows.get(1));
        assertEquals("d.jsonl line 3 {\"a\":\"\uFFFD\"}", rows.get(2));
    }

    @Test
    void otherEncodings() {
        String text = "{\"a\":\"健康运势𠮷\"}\n";
        Charset gb = Charset.forName("gb18030");
        assertEquals(List.of("g.jsonl line 1 {\"a\":\"健康运势𠮷\"}"),
                Rows.all(Rows.file(folder, "g.jsonl", text.getBytes(gb)), SourceOptions.DEFAULT.withCharset(gb)));
        assertEquals(List.of("u.jsonl line 1 {\"a\":\"健康运势𠮷\"}"),
                Rows.all(Rows.file(folder, "u.jsonl", ("\uFEFF" + text).getBytes(StandardCharsets.UTF_16LE))));
    }

    @Test
    void aHugeLineIsAnErrorOfThatLine() {
        String huge = "{\"a\":\"" + "x".repeat(300_000) + "\"}";
        Path f = Rows.file(folder, "d.jsonl", "{\"a\":1}\n" + huge + "\n{\"a\":3}\n");
        List<String> rows = Rows.all(f, SourceOptions.DEFAULT.withMaxRowBytes(100_000));
        assertEquals(3, rows.size());
        assertTrue(rows.get(1).startsWith("! d.jsonl line 2: is longer than 100000 bytes"), rows.get(1));
        assertEquals("d.jsonl line 3 {\"a\":3}", rows.get(2));
        assertEquals(3, Rows.all(f).stream().filter(r -> !r.startsWith("!")).count());
    }

    @Test
    void deepNestingIsRefused() {
        Path f = Rows.file(folder, "d.jsonl", "{\"a\":" + "[".repeat(5000) + "]".repeat(5000) + "}\n");
        assertTrue(Rows.all(f).getFirst().startsWith("! d.jsonl line 1: is not valid JSON"));
    }

    @Test
    void gzipAndDamagedGzip() {
        byte[] packed = Rows.gzip("{\"a\":1}\n{\"a\":2}\n".repeat(5000).getBytes(StandardCharsets.UTF_8));
        assertEquals(10_000, Rows.all(Rows.file(folder, "d.jsonl.gz", packed)).size());
        Path cut = Rows.file(folder, "cut.jsonl.gz", java.util.Arrays.copyOf(packed, packed.length - 20));
        DataException e = assertThrows(DataException.class, () -> Rows.all(cut));
        assertTrue(e.getMessage().contains("cut.jsonl.gz is a damaged or cut gzip file"), e.getMessage());
    }

    @Test
    void missingFileAndFolder() {
        DataException e = assertThrows(DataException.class, () -> Rows.all(folder.resolve("none.jsonl")));
        assertTrue(e.getMessage().endsWith("none.jsonl does not exist; check the path given to --data"), e.getMessage());
        DataException d = assertThrows(DataException.class,
                () -> Rows.all(folder, SourceOptions.DEFAULT.withFormat(Format.JSONL)));
        assertTrue(d.getMessage().contains("is a folder"), d.getMessage());
    }
}
