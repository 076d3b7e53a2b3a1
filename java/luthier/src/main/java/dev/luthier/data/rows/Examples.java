package dev.luthier.data.rows;

import dev.luthier.data.Example;

/** Encoded rows by number. Safe for use by several threads. */
public interface Examples extends AutoCloseable {
    int size();

    /** Row {@code i}, read anew from where it is kept. */
    Example get(int i);

    /** Number of tokens of row {@code i}, without reading it. */
    int length(int i);

    /** Number of predicted tokens of row {@code i}, without reading it. */
    int targets(int i);

    /** SHA-256 in hexadecimal over all ids and labels: changes when anything in the data changes. */
    String fingerprint();

    default long tokens() {
        long n = 0;
        for (int i = 0; i < size(); i++) n += length(i);
        return n;
    }

    default long targetTokens() {
        long n = 0;
        for (int i = 0; i < size(); i++) n += targets(i);
        return n;
    }

    /** Some of the rows, in the order given; the view does not own this store. */
    default Examples select(int[] rows) {
        return new Selection(this, rows);
    }

    @Override
    void close();
}
