package dev.luthier.data.source;

import java.io.IOException;
import java.io.Reader;

/** Fails when more than a set number of characters is read between two rows; so one row cannot fill the memory. */
final class BudgetReader extends Reader {
    /** Thrown when the budget is spent. */
    static final class Spent extends IOException {
        Spent() {
            super("row too long");
        }
    }

    private final Reader in;
    private final long budget;
    private long left;

    BudgetReader(Reader in, long budget) {
        this.in = in;
        this.budget = budget;
        this.left = budget;
    }

    /** A new row begins. */
    void renew() {
        left = budget;
    }

    @Override
    public int read(char[] b, int off, int len) throws IOException {
        if (left <= 0) throw new Spent();
        int n = in.read(b, off, len);
        if (n > 0) left -= n;
        return n;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
