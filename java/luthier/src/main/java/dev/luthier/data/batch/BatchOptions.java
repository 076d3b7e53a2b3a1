package dev.luthier.data.batch;

/**
 * @param batch      units in a micro-batch: rows, packed rows, or preference pairs
 * @param accumulate micro-batches in an optimizer step
 * @param grouping   which rows go together
 * @param maxLength  packing: tokens a packed row may hold
 * @param shuffle    false: rows in file order
 * @param seed       of every choice
 * @param group      rows that stay together: 2 for preferences, else 1
 */
public record BatchOptions(
        int batch, int accumulate, Grouping grouping, int maxLength, boolean shuffle, long seed, int group) {
    /** Which rows go together. */
    public enum Grouping {
        /** As they come. */
        NONE,
        /** Rows of like length, so that the micro-batches of a step are of like size. */
        LENGTH,
        /** Best fit into rows of the greatest length. */
        PACKED
    }

    public BatchOptions {
        if (batch < 1 || accumulate < 1 || maxLength < 1 || group < 1) {
            throw new IllegalArgumentException("batch " + batch + ", accumulate " + accumulate + ", maxLength "
                    + maxLength + " and group " + group + " must be at least 1");
        }
        if (group > 1 && grouping != Grouping.NONE) {
            throw new IllegalArgumentException("preferences are neither packed nor grouped by length");
        }
    }

    public static BatchOptions of(int batch, int accumulate, long seed) {
        return new BatchOptions(batch, accumulate, Grouping.NONE, Integer.MAX_VALUE, true, seed, 1);
    }

    public BatchOptions unshuffled() {
        return new BatchOptions(batch, accumulate, grouping, maxLength, false, seed, group);
    }

    public BatchOptions packed(int length) {
        return new BatchOptions(batch, accumulate, Grouping.PACKED, length, shuffle, seed, group);
    }

    public BatchOptions groupedByLength() {
        return new BatchOptions(batch, accumulate, Grouping.LENGTH, maxLength, shuffle, seed, group);
    }

    public BatchOptions ofGroups(int n) {
        return new BatchOptions(batch, accumulate, grouping, maxLength, shuffle, seed, n);
    }
}
