package dev.luthier.data.rows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.CharacterEncoder;
import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.frame.TextFrame;
import dev.luthier.data.source.RowReader;
import dev.luthier.data.source.SourceOptions;
import dev.luthier.data.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoaderTest {
    private static final CharacterEncoder ENCODER = CharacterEncoder.plain();

    @TempDir
    Path folder;

    private static RowEncoder encoder(int maxLength) {
        return new RowEncoder(new TextFrame("f", "{question}>{answer}", ENCODER.controlTokens()), ENCODER,
                EncodeOptions.ofLength(maxLength));
    }

    private Path data(int rows, int... bad) throws IOException {
        StringBuilder b = new StringBuilder();
        for (int i = 1; i <= rows; i++) {
            int line = i;
            b.append(IntStream.of(bad).anyMatch(x -> x == line) ? "{\"question\":\"q\",\"answer\":}"
                    : "{\"question\":\"q" + i + "\",\"answer\":\"a" + i + "\"}").append('\n');
        }
        return Files.writeString(folder.resolve("data.jsonl"), b);
    }

    private static RowReader open(Path file) {
        return Sources.open(file, SourceOptions.DEFAULT);
    }

    private static Dataset load(Path file, Loader.Options o) {
        return Loader.load(file.toString(), open(file), encoder(100), o, Loader.Progress.NONE);
    }

    static List<Example> all(Examples e) {
        return IntStream.range(0, e.size()).mapToObj(e::get).toList();
    }

    @Test
    void orderDoesNotDependOnTheNumberOfThreads() throws IOException {
        Path f = data(1000);
        List<Example> one = all(load(f, Loader.Options.inMemory(1)).examples());
        assertEquals(one, all(load(f, Loader.Options.inMemory(4)).examples()));
        assertEquals("q17>»a17<eos>«", ENCODER.show(one.get(16)));
        assertEquals("data.jsonl line 17", one.get(16).origin());
    }

    @Test
    void theFirstBadRowInTheFileIsTheError() throws IOException {
        Path f = data(500, 17, 18, 400);
        for (int threads : new int[] {1, 3}) {
            DataException e = assertThrows(DataException.class, () -> load(f, Loader.Options.inMemory(threads)));
            assertTrue(e.getMessage().startsWith("data.jsonl line 17: is not valid JSON"), e.getMessage());
        }
    }

    @Test
    void badRowsCanBeSkippedAndAreListed() throws IOException {
        Dataset d = load(data(500, 17, 18, 400), Loader.Options.inMemory(2).skippingBad());
        assertEquals(497, d.examples().size());
        assertEquals(500, d.report().records());
        assertEquals(3, d.report().bad());
        assertTrue(d.report().badRows().get(2).startsWith("data.jsonl line 400: "));
        assertEquals(List.of("data.jsonl: question and answer (question=question, answer=answer)"), d.report().shapes());
    }

    @Test
    void errorsThatEndTheReadingAreNeverSkipped() throws IOException {
        Path f = Files.writeString(folder.resolve("d.json"), "[{\"question\":\"q\",\"answer\":\"a\"},{]");
        DataException e = assertThrows(DataException.class, () -> load(f, Loader.Options.inMemory(2).skippingBad()));
        assertFalse(e.isRow());
    }

    @Test
    void emptyDataIsAnError() throws IOException {
        Path empty = Files.writeString(folder.resolve("empty.jsonl"), "\n");
        assertTrue(assertThrows(DataException.class, () -> load(empty, Loader.Options.inMemory(1))).getMessage()
                .endsWith("empty.jsonl holds no record; check that it is the right file and, with --split, that the"
                        + " split is not empty"));
        Path bad = data(3, 1, 2, 3);
        assertTrue(assertThrows(DataException.class, () -> load(bad, Loader.Options.inMemory(1).skippingBad()))
                .getMessage().contains("holds 3 records but none to train on (3 bad, 0 too long); the first: data.jsonl line 1"));
    }

    @Test
    void kindsAreNotMixed() throws IOException {
        Path a = Files.writeString(folder.resolve("a.jsonl"), "{\"question\":\"q\",\"answer\":\"a\"}\n");
        Path b = Files.writeString(folder.resolve("b.jsonl"), "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n");
        assertEquals(2, load(b, Loader.Options.inMemory(1)).group());
        DataException e = assertThrows(DataException.class, () -> Loader.load("a, b",
                Sources.open(List.of(a, b), SourceOptions.DEFAULT), encoder(100), Loader.Options.inMemory(1),
                Loader.Progress.NONE));
        assertTrue(e.getMessage().contains("mixes preferences"), e.getMessage());
    }

    @Test
    void progressCountsUp() throws IOException {
        List<Long> seen = new ArrayList<>();
        Path f = data(1000);
        Dataset d = Loader.load("x", open(f), encoder(100), Loader.Options.inMemory(2), (rows, tokens) -> {
            seen.add(rows);
            seen.add(tokens);
        });
        assertEquals(1000L, seen.get(seen.size() - 2));
        assertEquals(d.examples().tokens(), seen.getLast());
        assertTrue(seen.size() > 10);
    }

    @Test
    void manyTokensGoToAFileThatIsDeletedAfterUse() throws IOException {
        Path f = data(1000);
        Path spill = folder.resolve("tmp/rows.tokens");
        List<Example> expected = all(load(f, Loader.Options.inMemory(1)).examples());
        Dataset d = load(f, Loader.Options.inMemory(2).spillingTo(spill, 1000));
        try (d) {
            assertTrue(Files.exists(spill));
            assertEquals(expected, all(d.examples()));
            assertEquals(new MemoryExamples(expected).fingerprint(), d.examples().fingerprint());
        }
        assertFalse(Files.exists(spill));
        try (var left = Files.list(folder.resolve("tmp"))) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void aFailedLoadLeavesNoFile() throws IOException {
        Path f = data(1000, 990);
        Path spill = folder.resolve("tmp/rows.tokens");
        assertThrows(DataException.class, () -> load(f, Loader.Options.inMemory(2).spillingTo(spill, 10)));
        try (var left = Files.list(folder.resolve("tmp"))) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void keptRowsAreOpenedAgain() throws IOException {
        Path kept = folder.resolve("kept.tokens");
        List<Example> expected;
        LoadReport report;
        try (Dataset d = load(data(300, 5), Loader.Options.inMemory(2).skippingBad().keptIn(kept))) {
            expected = all(d.examples());
            report = d.report();
        }
        try (Dataset d = Loader.reopen(kept)) {
            assertEquals(expected, all(d.examples()));
            assertEquals(report, d.report());
            assertEquals(1, d.group());
        }
    }

    @Test
    void labelsOfEveryKindSurviveTheFile() throws IOException {
        Random random = new Random(11);
        List<Example> rows = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            int[] ids = random.ints(random.nextInt(40), 0, 70_000).toArray();
            int kind = i % 3;
            int[] labels = Arrays.stream(ids).map(id -> kind == 0 ? id : random.nextBoolean() ? -100
                    : kind == 1 ? id : random.nextInt(70_000)).toArray();
            rows.add(new Example(ids, labels, "行 " + i));
        }
        Path file = folder.resolve("x.tokens");
        try (TokenWriter w = new TokenWriter(file)) {
            rows.forEach(w::add);
            try (TokenFile t = w.finish("{}", false)) {
                assertEquals(rows, all(t));
                for (int i = 0; i < rows.size(); i++) {
                    assertEquals(rows.get(i).length(), t.length(i));
                    assertEquals(rows.get(i).targets(), t.targets(i));
                }
            }
        }
    }

    @Test
    void damagedTokenFilesAreRefused() throws IOException {
        Path kept = folder.resolve("kept.tokens");
        load(data(50), Loader.Options.inMemory(1).keptIn(kept)).close();
        byte[] whole = Files.readAllBytes(kept);
        Random random = new Random(5);
        int refused = 0;
        for (int i = 0; i < 2_000; i++) {
            byte[] bytes = whole.clone();
            if (i % 4 == 0) bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            // The ids are free to be anything; what can break the reader stands in the last part.
            else bytes[bytes.length - 1 - random.nextInt(i % 2 == 0 ? 64 : bytes.length)] ^= (byte) (1 << random.nextInt(8));
            Files.write(kept, bytes);
            try (Dataset d = Loader.reopen(kept)) {
                all(d.examples());
            } catch (DataException e) {
                refused++;
            }
        }
        assertTrue(refused > 800, "only " + refused + " refused");
    }
}
