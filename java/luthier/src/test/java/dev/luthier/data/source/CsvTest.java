package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvTest {
    @TempDir
    Path folder;

    private List<String> rows(String name, String text) {
        return Rows.all(Rows.file(folder, name, text));
    }

    @Test
    void quotesCommasAndLineBreaksInsideFields() {
        assertEquals(List.of(
                "d.csv line 2 {\"q\":\"a,b\",\"a\":\"say \\\"hi\\\"\"}",
                "d.csv line 3 {\"q\":\"two\\nlines\",\"a\":\"\"}",
                "d.csv line 5 {\"q\":\" x \",\"a\":\"y\"}"),
                rows("d.csv", "q,a\n\"a,b\",\"say \"\"hi\"\"\"\n\"two\nlines\",\n x ,y"));
    }

    @Test
    void windowsAndOldMacLineEndsAndAMark() {
        List<String> expected = List.of("d.csv line 2 {\"q\":\"1\",\"a\":\"2\"}", "d.csv line 3 {\"q\":\"3\",\"a\":\"4\"}");
        assertEquals(expected, rows("d.csv", "\uFEFFq,a\r\n1,2\r\n3,4\r\n"));
        assertEquals(expected, rows("d.csv", "q,a\r1,2\r3,4"));
    }

    @Test
    void delimitersAreFoundInTheHeader() {
        assertEquals(List.of("d.csv line 2 {\"q\":\"1,5\",\"a\":\"2\"}"), rows("d.csv", "q;a\n1,5;2\n"));
        assertEquals(List.of("d.csv line 2 {\"q;x\":\"1\",\"a\":\"2\"}"), rows("d.csv", "\"q;x\",a\n1,2\n"));
        assertEquals(List.of("d.tsv line 2 {\"q\":\"1,5\",\"a,b,c\":\"2\"}"), rows("d.tsv", "q\ta,b,c\n1,5\t2\n"));
    }

    @Test
    void aRowOfTheWrongWidthIsNamed() {
        List<String> rows = rows("d.csv", "q,a\n1,2\n1,2,3\nx\n5,6\n");
        assertTrue(rows.get(1).startsWith("! d.csv line 3: has 3 fields but the header names 2"), rows.get(1));
        assertTrue(rows.get(2).startsWith("! d.csv line 4: has 1 fields but the header names 2"), rows.get(2));
        assertEquals("d.csv line 5 {\"q\":\"5\",\"a\":\"6\"}", rows.get(3));
    }

    @Test
    void textBehindAClosingQuoteIsNamed() {
        List<String> rows = rows("d.csv", "q,a\n\"x\"y,2\n1,2\n");
        assertTrue(rows.get(0).startsWith("! d.csv line 2: has text behind a closing quote"), rows.get(0));
        assertEquals("d.csv line 3 {\"q\":\"1\",\"a\":\"2\"}", rows.get(1));
    }

    @Test
    void anOpenQuoteIsNamedWhereItBegins() {
        DataException e = assertThrows(DataException.class, () -> rows("d.csv", "q,a\n1,2\n\"x,2\n1,2\n"));
        assertTrue(e.getMessage().startsWith("d.csv line 3: opens a quote that is never closed"), e.getMessage());
    }

    @Test
    void headers() {
        DataException e = assertThrows(DataException.class, () -> rows("d.csv", "q,q\n1,2\n"));
        assertTrue(e.getMessage().startsWith("d.csv line 1: names the column 'q' twice"), e.getMessage());
        assertEquals(List.of("d.csv line 2 {\"q\":\"x\"}"), rows("d.csv", ",q\n0,x\n"));
        assertEquals(List.of(), rows("d.csv", "q,a\n"));
        assertEquals(List.of(), rows("d.csv", ""));
    }

    @Test
    void chineseSpreadsheets() {
        Charset gbk = Charset.forName("GBK");
        Path f = Rows.file(folder, "d.csv", "问题,答案\n你好,在\n".getBytes(gbk));
        assertEquals(List.of("d.csv line 2 {\"问题\":\"你好\",\"答案\":\"在\"}"),
                Rows.all(f, SourceOptions.DEFAULT.withCharset(gbk)));
        DataException e = assertThrows(DataException.class, () -> Rows.all(f));
        assertTrue(e.getMessage().contains("name its encoding with --encoding"), e.getMessage());
    }
}
