package dev.luthier.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SplitSpecTest {
    @TempDir
    Path folder;

    private Path numbers(String name, int from, int to) {
        return Rows.file(folder, name, IntStream.range(from, to).mapToObj(i -> "{\"i\":" + i + "}\n")
                .collect(Collectors.joining()));
    }

    private static String rows(String spec, List<Path> files) {
        return Rows.all(SplitSpec.parse(spec).open(files, SourceOptions.DEFAULT)).stream()
                .map(s -> s.replaceAll(".*\\{\"i\":(\\d+)}", "$1")).collect(Collectors.joining(" "));
    }

    @Test
    void slices() {
        List<Path> f = List.of(numbers("d.jsonl", 0, 10));
        assertEquals("0 1 2", rows("train[0:3]", f));
        assertEquals("0 1 2", rows("train[:3]", f));
        assertEquals("8 9", rows("train[8:]", f));
        assertEquals("8 9", rows("train[-2:]", f));
        assertEquals("0 1", rows("train[:-8]", f));
        assertEquals("0", rows("train[:10%]", f));
        assertEquals("5 6 7", rows("train[50%:80%]", f));
        assertEquals("9", rows("train[-10%:]", f));
        assertEquals("0 1 8 9", rows("train[:2]+train[8:]", f));
        assertEquals("8 9 0", rows(" train[8:] + train[:1] ", f));
        assertEquals("", rows("train[5:5]", f));
        assertEquals("", rows("train[7:3]", f));
        assertEquals("8 9", rows("train[8:200]", f));
        assertEquals("0 1 2 3 4 5 6 7 8 9", rows("train", f));
        assertEquals("0 1 2 3 4 5 6 7 8 9", rows("all", f));
    }

    /** As the datasets library rounds: 33 % of 10 rows are 3, 66 % are 7. */
    @Test
    void percentsAreRoundedToTheNearestRow() {
        List<Path> f = List.of(numbers("d.jsonl", 0, 10));
        assertEquals("0 1 2", rows("train[:33%]", f));
        assertEquals("3 4 5 6", rows("train[33%:66%]", f));
        assertEquals("7 8 9", rows("train[66%:]", f));
        List<Path> g = List.of(numbers("e.jsonl", 0, 205));
        assertEquals(20, rows("train[:10%](pct1_dropremainder)", g).split(" ").length);
        assertEquals(200, rows("train[:100%](pct1_dropremainder)", g).split(" ").length);
    }

    @Test
    void splitsByFileName() {
        List<Path> f = List.of(numbers("my-train-00000-of-00002.jsonl", 0, 3),
                numbers("my-train-00001-of-00002.jsonl", 3, 5), numbers("test.jsonl", 5, 7), numbers("val.jsonl", 7, 9));
        assertEquals("0 1 2 3 4", rows("train", f));
        assertEquals("2 3", rows("train[2:4]", f));
        assertEquals("5 6", rows("test", f));
        assertEquals("7 8 6", rows("validation+test[1:]", f));
        DataException e = assertThrows(DataException.class, () -> rows("test", List.of(numbers("d.jsonl", 0, 1))));
        assertTrue(e.getMessage().startsWith("no data file belongs to the split 'test'"), e.getMessage());
        assertEquals("0", rows("train", List.of(numbers("constraint.jsonl", 0, 1))));
    }

    @Test
    void badRowsKeepTheirNumber() {
        Path f = Rows.file(folder, "d.jsonl", "{\"i\":0}\nbad\n{\"i\":2}\n{\"i\":3}\n");
        assertEquals("2", rows("train[2:3]", List.of(f)));
        assertEquals("2 3", rows("train[50%:]", List.of(f)));
    }

    @Test
    void whatIsNotASplitIsRefused() {
        for (String s : List.of("", "train[", "train[1]", "train[a:b]", "train[:101%]", "train[::2]", "train+", "[0:3]")) {
            assertThrows(DataException.class, () -> SplitSpec.parse(s), s);
        }
        assertTrue(assertThrows(DataException.class, () -> SplitSpec.parse("train[1]")).getMessage()
                .startsWith("split 'train[1]' is not understood at 'train[1]'"));
    }
}
