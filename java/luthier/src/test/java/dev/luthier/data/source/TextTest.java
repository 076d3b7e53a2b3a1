package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.luthier.data.DataException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextTest {
    private static final String TEXT = "\n\none\r\ntwo\n \n\nthree\n\n";

    @TempDir
    Path folder;

    private List<String> rows(SourceOptions.TextUnit unit) {
        return Rows.all(Rows.file(folder, "d.txt", TEXT), SourceOptions.DEFAULT.withTextUnit(unit));
    }

    @Test
    void linesParagraphsOrAll() {
        assertEquals(List.of("d.txt line 3 {\"text\":\"one\"}", "d.txt line 4 {\"text\":\"two\"}",
                "d.txt line 7 {\"text\":\"three\"}"), rows(SourceOptions.TextUnit.LINE));
        assertEquals(List.of("d.txt line 3 {\"text\":\"one\\ntwo\"}", "d.txt line 7 {\"text\":\"three\"}"),
                rows(SourceOptions.TextUnit.PARAGRAPH));
        assertEquals(List.of("d.txt line 3 {\"text\":\"one\\ntwo\\n\\n\\nthree\"}"), rows(SourceOptions.TextUnit.FILE));
    }

    @Test
    void anEndlessParagraphIsRefused() {
        Path f = Rows.file(folder, "h.txt", "line\n".repeat(100_000));
        assertThrows(DataException.class, () -> Rows.all(f, SourceOptions.DEFAULT.withMaxRowBytes(50_000)));
    }
}
