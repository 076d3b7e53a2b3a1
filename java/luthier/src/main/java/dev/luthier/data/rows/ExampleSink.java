package dev.luthier.data.rows;

import dev.luthier.data.Example;
import java.util.ArrayList;
import java.util.List;

/** Takes rows in order: in memory at first, in a file once they are many. */
final class ExampleSink implements AutoCloseable {
    private final Loader.Options options;
    private List<Example> rows = new ArrayList<>();
    private long tokens;
    private TokenWriter writer;

    ExampleSink(Loader.Options options) {
        this.options = options;
    }

    void add(Example e) {
        tokens += e.length();
        if (writer == null && options.spill() != null && (options.keep() || tokens > options.memoryTokens())) {
            writer = new TokenWriter(options.spill());
            rows.forEach(writer::add);
            rows = null;
        }
        if (writer != null) writer.add(e);
        else rows.add(e);
    }

    boolean isEmpty() {
        return writer == null && rows.isEmpty();
    }

    Examples finish(LoadReport report, int group) {
        return writer == null ? new MemoryExamples(rows) : writer.finish(ReportJson.write(report, group), !options.keep());
    }

    @Override
    public void close() {
        if (writer != null) writer.close();
    }
}
