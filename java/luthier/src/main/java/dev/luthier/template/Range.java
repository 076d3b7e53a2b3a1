package dev.luthier.template;

import java.util.AbstractList;

/** Python's {@code range}: a sequence that is counted, not stored. */
final class Range extends AbstractList<Object> {
    final long start;
    final long stop;
    final long step;
    private final int size;

    Range(long start, long stop, long step, int longest) {
        if (step == 0) {
            throw Failure.of("range() arg 3 must not be zero");
        }
        this.start = start;
        this.stop = stop;
        this.step = step;
        double span = step > 0 ? (double) stop - start : (double) start - stop;
        double count = span <= 0 ? 0 : Math.ceil(span / Math.abs((double) step));
        if (count > longest) {
            throw Failure.limit("range() of more than " + longest + " elements (Limits.range raises the bound)");
        }
        this.size = (int) count;
    }

    @Override
    public Object get(int index) {
        return start + index * step;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String toString() {
        return "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
    }
}
