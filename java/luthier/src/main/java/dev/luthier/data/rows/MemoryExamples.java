package dev.luthier.data.rows;

import dev.luthier.data.Example;
import java.util.List;

/** Rows in memory. */
public final class MemoryExamples implements Examples {
    private final List<Example> rows;
    private final int[] targets;

    public MemoryExamples(List<Example> rows) {
        this.rows = List.copyOf(rows);
        this.targets = this.rows.stream().mapToInt(Example::targets).toArray();
    }

    @Override
    public int size() {
        return rows.size();
    }

    @Override
    public Example get(int i) {
        return rows.get(i);
    }

    @Override
    public int length(int i) {
        return rows.get(i).length();
    }

    @Override
    public int targets(int i) {
        return targets[i];
    }

    @Override
    public String fingerprint() {
        Fingerprint f = new Fingerprint();
        rows.forEach(f::add);
        return f.hex();
    }

    @Override
    public void close() {}
}
