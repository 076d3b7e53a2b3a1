package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.record.Columns;
import dev.luthier.data.record.Conversation;
import dev.luthier.data.record.Preference;
import dev.luthier.data.record.RawText;
import dev.luthier.data.record.RecordParser;
import dev.luthier.data.record.Sample;
import dev.luthier.data.record.TokenRow;
import dev.luthier.data.record.Turn;
import dev.luthier.data.source.Row;
import dev.luthier.data.source.RowReader;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Reads, recognises and encodes records: one thread reads, several encode, and the rows keep their order whatever the
 * number of threads. What is in flight is bounded, and rows beyond a number of tokens go to a file.
 */
public final class Loader {
    /** Bad rows whose messages are kept. */
    public static final int MAX_LISTED = 1000;

    private static final int CHUNK_ROWS = 64;
    private static final int CHUNK_CHARS = 1 << 18;

    /**
     * @param columns      the user's column names
     * @param threads      encoding threads
     * @param skipBad      true: bad rows are counted and listed; false: the first one is the error
     * @param memoryTokens rows are kept in memory up to about this many tokens, then in a file
     * @param spill        that file; its folder is made; null: everything stays in memory
     * @param keep         true: {@code spill} is written in any case and stays, to be opened again by {@link #reopen}
     */
    public record Options(Columns.Overrides columns, int threads, boolean skipBad, long memoryTokens, Path spill,
            boolean keep) {
        public static Options inMemory(int threads) {
            return new Options(Columns.Overrides.NONE, threads, false, Long.MAX_VALUE, null, false);
        }

        public Options skippingBad() {
            return new Options(columns, threads, true, memoryTokens, spill, keep);
        }

        public Options withColumns(Columns.Overrides c) {
            return new Options(c, threads, skipBad, memoryTokens, spill, keep);
        }

        /** Rows beyond {@code tokens} go to {@code file}, which is deleted when the data set is closed. */
        public Options spillingTo(Path file, long tokens) {
            return new Options(columns, threads, skipBad, tokens, file, false);
        }

        /** All rows go to {@code file}, which stays. */
        public Options keptIn(Path file) {
            return new Options(columns, threads, skipBad, 0, file, true);
        }
    }

    /** Hears how far loading has come; called on the loading thread, every few dozen records. */
    @FunctionalInterface
    public interface Progress {
        void update(long records, long tokens);

        Progress NONE = (records, tokens) -> { };
    }

    /** One record's fate. */
    private record Outcome(Encoded encoded, DataException bad, boolean pair) {}

    private final String source;
    private final Options options;
    private final RowEncoder encoder;
    private final Progress progress;
    private final RecordParser parser;
    private final ExampleSink sink;
    private final List<String> badRows = new ArrayList<>();
    private long records;
    private long bad;
    private long truncated;
    private long dropped;
    private long pieces;
    private long tokens;
    private int longest;
    private int group;

    private Loader(String source, RowEncoder encoder, Options options, Progress progress) {
        this.source = source;
        this.encoder = encoder;
        this.options = options;
        this.progress = progress;
        this.parser = new RecordParser(options.columns());
        this.sink = new ExampleSink(options);
    }

    /**
     * Loads all rows and closes the reader.
     *
     * @param source what the data is called in messages
     * @throws DataException for the first bad row in file order (unless bad rows are skipped), for anything that ends
     *                       the reading, and when no row is left
     */
    public static Dataset load(String source, RowReader rows, RowEncoder encoder, Options options, Progress progress) {
        Loader loader = new Loader(source, encoder, options, progress);
        try (rows) {
            loader.run(rows);
            LoadReport report = loader.report();
            if (loader.sink.isEmpty()) throw report.empty(source);
            return new Dataset(loader.sink.finish(report, loader.group), report, loader.group);
        } finally {
            loader.sink.close();
        }
    }

    /** Opens what an earlier {@link #load} kept. */
    public static Dataset reopen(Path file) {
        TokenFile rows = TokenFile.open(file);
        try {
            return ReportJson.read(rows, file);
        } catch (RuntimeException e) {
            rows.close();
            throw e;
        }
    }

    private void run(RowReader rows) {
        AtomicInteger number = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(Math.max(1, options.threads()), r -> {
            Thread t = new Thread(r, "encode-" + number.incrementAndGet());
            t.setDaemon(true);
            return t;
        });
        ArrayDeque<Future<List<Outcome>>> inFlight = new ArrayDeque<>();
        try {
            boolean more = true;
            while (more) {
                List<Object> chunk = new ArrayList<>(CHUNK_ROWS);
                more = fill(chunk, rows);
                if (!chunk.isEmpty()) inFlight.add(pool.submit(() -> encode(chunk)));
                while (inFlight.size() >= 2 * Math.max(1, options.threads()) + 1) take(inFlight.remove());
            }
            while (!inFlight.isEmpty()) take(inFlight.remove());
        } finally {
            pool.shutdownNow();
        }
    }

    /** Reads some rows, each a Sample or what is wrong with it; false when there is nothing more to read. */
    private boolean fill(List<Object> chunk, RowReader rows) {
        long chars = 0;
        while (chunk.size() < CHUNK_ROWS && chars < CHUNK_CHARS) {
            try {
                Row row = rows.next();
                if (row == null) return false;
                Sample sample = parser.parse(row);
                chars += size(sample);
                chunk.add(sample);
            } catch (DataException e) {
                // Kept in its place, so that the error shown is the first in the file and not the first met.
                chunk.add(e);
                if (!e.isRow()) return false;
            }
        }
        return true;
    }

    private static long size(Sample sample) {
        return switch (sample) {
            case RawText t -> t.text().length();
            case TokenRow t -> t.ids().length * 4L;
            case Preference p -> size(p.chosen()) + size(p.rejected());
            case Conversation c -> {
                long n = 0;
                for (Turn t : c.turns()) {
                    n += t.content() == null ? 0 : t.content().length();
                    n += t.thinking() == null ? 0 : t.thinking().length();
                }
                yield n;
            }
        };
    }

    private List<Outcome> encode(List<Object> chunk) {
        List<Outcome> out = new ArrayList<>(chunk.size());
        for (Object item : chunk) {
            if (item instanceof DataException e) {
                out.add(new Outcome(null, e, false));
                continue;
            }
            Sample sample = (Sample) item;
            try {
                out.add(new Outcome(encoder.encode(sample), null, sample instanceof Preference));
            } catch (DataException e) {
                out.add(new Outcome(null, e, false));
            }
        }
        return out;
    }

    private void take(Future<List<Outcome>> future) {
        List<Outcome> outcomes;
        try {
            outcomes = future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw DataException.of("reading " + source + " was interrupted", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) throw error;
            throw new IllegalStateException("encoding " + source + " failed: " + e.getCause(), e.getCause());
        }
        for (Outcome o : outcomes) {
            records++;
            if (o.bad() != null) note(o.bad());
            else add(o);
        }
        progress.update(records, tokens);
    }

    private void note(DataException e) {
        if (!options.skipBad() || !e.isRow()) throw e;
        bad++;
        if (badRows.size() < MAX_LISTED) badRows.add(e.getMessage());
    }

    private void add(Outcome o) {
        int size = o.pair() ? 2 : 1;
        if (group == 0) group = size;
        if (group != size) {
            throw DataException.of(source + " mixes preferences (chosen and rejected) with other records; train on one"
                    + " kind at a time");
        }
        Encoded e = o.encoded();
        truncated += e.truncated();
        dropped += e.dropped();
        pieces += e.pieces();
        longest = Math.max(longest, e.longest());
        for (Example x : e.examples()) {
            sink.add(x);
            tokens += x.length();
        }
    }

    private LoadReport report() {
        return new LoadReport(records, bad, List.copyOf(badRows), truncated, dropped, pieces, longest,
                parser.recognised().entrySet().stream().map(e -> e.getKey() + ": " + e.getValue().describe()).toList());
    }
}
