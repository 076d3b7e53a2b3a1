package dev.luthier.data.source;

import dev.luthier.data.DataException;

/** Rows one after another. Memory stays bounded by the longest row, whatever the file's size. */
public interface RowReader extends AutoCloseable {
    /**
     * The next row, or null at the end.
     *
     * @throws DataException when the row is bad; after one with {@link DataException#isRow()} the next call goes on
     *                       with the row behind it
     */
    Row next();

    @Override
    void close();
}
