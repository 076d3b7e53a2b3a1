package dev.luthier.data;

/**
 * What is wrong with the user's data, in one sentence that names file, place, what was found and what to do.
 *
 * <p>A <em>row</em> error concerns one row only: the reader that threw it can go on with the next row, and
 * {@code --skip-bad-rows} may pass over it. Any other error ends the reading.
 */
public final class DataException extends RuntimeException {
    private final transient Origin origin;
    private final boolean row;

    private DataException(String message, Origin origin, boolean row, Throwable cause) {
        super(message, cause);
        this.origin = origin;
        this.row = row;
    }

    /** An error that ends the reading. */
    public static DataException of(String message) {
        return new DataException(message, null, false, null);
    }

    public static DataException of(String message, Throwable cause) {
        return new DataException(message, null, false, cause);
    }

    /** An error at a place after which reading cannot go on. */
    public static DataException fatal(Origin origin, String message) {
        return new DataException(origin + ": " + message, origin, false, null);
    }

    /** An error of one row. */
    public static DataException row(Origin origin, String message) {
        return new DataException(origin + ": " + message, origin, true, null);
    }

    /** Where the row stood, or null when the error has no place. */
    public Origin origin() {
        return origin;
    }

    /** True when only this row is bad and reading can go on. */
    public boolean isRow() {
        return row;
    }
}
