package dev.luthier.data.rows;

/**
 * Encoded data and how it came about.
 *
 * @param group rows that belong together: 2 for preferences (chosen, rejected), else 1
 */
public record Dataset(Examples examples, LoadReport report, int group) implements AutoCloseable {
    @Override
    public void close() {
        examples.close();
    }
}
