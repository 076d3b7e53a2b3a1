package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class XmlTest {
    @TempDir
    Path folder;

    private List<String> rows(String text) {
        return Rows.all(Rows.file(folder, "d.xml", text));
    }

    @Test
    void childrenAndAttributesAreFields() {
        assertEquals(List.of(
                "d.xml item 1 (line 2) {\"id\":\"7\",\"question\":\"a < b & c\",\"answer\":\"yes\\n\"}",
                "d.xml item 2 (line 5) {\"question\":\"q\",\"answer\":\"\"}"),
                rows("<rows>\n<row id=\"7\"><question>a &lt; b <![CDATA[& c]]></question><answer>yes\n</answer></row>\n\n"
                        + "<row><question>q</question><answer/></row></rows>"));
    }

    @Test
    void messageLists() {
        assertEquals(List.of("d.xml item 1 (line 1) {\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
                + "{\"role\":\"assistant\",\"content\":\"ho\"}]}"),
                rows("<d><c><messages><m role='user'>hi</m><m role='assistant'>ho</m></messages></c></d>"));
    }

    @Test
    void theRecordElementCanBeNamed() {
        Path f = Rows.file(folder, "d.xml", "<d><head><title>t</title></head><body><r><a>1</a></r><r><a>2</a></r></body></d>");
        assertEquals(List.of("d.xml item 1 (line 1) {\"a\":\"1\"}", "d.xml item 2 (line 1) {\"a\":\"2\"}"),
                Rows.all(f, SourceOptions.DEFAULT.withElement("r")));
        DataException e = assertThrows(DataException.class,
                () -> Rows.all(f, SourceOptions.DEFAULT.withElement("none")));
        assertTrue(e.getMessage().contains("has no element <none>"), e.getMessage());
    }

    @Test
    void encodingDeclarationIsObeyed() {
        byte[] utf16 = "\uFEFF<?xml version='1.0' encoding='UTF-16'?><d><r><a>问</a></r></d>"
                .getBytes(StandardCharsets.UTF_16BE);
        assertEquals(List.of("d.xml item 1 (line 1) {\"a\":\"问\"}"), Rows.all(Rows.file(folder, "d.xml", utf16)));
        byte[] gb = "<?xml version='1.0' encoding='gb18030'?><d><r><a>问</a></r></d>"
                .getBytes(java.nio.charset.Charset.forName("gb18030"));
        assertEquals(List.of("d.xml item 1 (line 1) {\"a\":\"问\"}"), Rows.all(Rows.file(folder, "d.xml", gb)));
    }

    @Test
    void damageIsNamedByLine() {
        DataException e = assertThrows(DataException.class, () -> rows("<d>\n<r><a>1</a></r>\n<r><a>2</r></d>"));
        assertTrue(e.getMessage().startsWith("d.xml line 3: is not well-formed XML"), e.getMessage());
        assertThrows(DataException.class, () -> rows("<d><r><a>1"));
    }

    @Test
    void documentTypesCannotReadFilesOrGrow() {
        Path secret = Rows.file(folder, "secret.txt", "TOP SECRET");
        String external = "<!DOCTYPE d [<!ENTITY x SYSTEM '" + secret.toUri() + "'>]><d><r><a>&x;</a></r></d>";
        DataException e = assertThrows(DataException.class, () -> rows(external));
        assertTrue(!e.getMessage().contains("TOP SECRET"), e.getMessage());
        String bomb = "<!DOCTYPE d [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;'>]><d><r><a>&b;</a></r></d>";
        assertThrows(DataException.class, () -> rows(bomb));
    }

    @Test
    void deepAndHugeRecordsAreRefused() {
        assertThrows(DataException.class, () -> rows("<d><r>" + "<x>".repeat(500) + "</x>".repeat(500) + "</r></d>"));
        Path f = Rows.file(folder, "h.xml", "<d><r><a>" + "x".repeat(200_000) + "</a></r></d>");
        assertThrows(DataException.class, () -> Rows.all(f, SourceOptions.DEFAULT.withMaxRowBytes(100_000)));
    }
}
