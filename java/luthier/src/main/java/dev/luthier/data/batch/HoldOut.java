package dev.luthier.data.batch;

import dev.luthier.data.DataException;
import java.util.Arrays;

/**
 * A share of the rows kept away from training.
 *
 * @param train rows to train on, ascending
 * @param held  rows to validate on, ascending
 */
public record HoldOut(int[] train, int[] held) {
    /**
     * Chooses {@code share} of {@code rows} rows, rounded, at least one and never all.
     *
     * @param group rows that must stay together (see {@link dev.luthier.data.rows.Dataset#group})
     */
    public static HoldOut choose(int rows, int group, double share, long seed) {
        if (!(share > 0 && share < 1)) {
            throw DataException.of("the validation share " + share + " must lie between 0 and 1, for example 0.1");
        }
        int units = rows / group;
        if (units < 2) {
            throw DataException.of("a validation share needs at least 2 rows, but there are " + units
                    + "; give more data, a validation file, or no validation");
        }
        int n = Math.clamp(Math.round(share * units), 1, units - 1);
        int[] order = Streams.holdOut(seed).permutation(units);
        return new HoldOut(expand(order, n, units, group), expand(order, 0, n, group));
    }

    private static int[] expand(int[] order, int from, int to, int group) {
        int[] units = Arrays.copyOfRange(order, from, to);
        Arrays.sort(units);
        int[] rows = new int[units.length * group];
        for (int i = 0; i < rows.length; i++) rows[i] = units[i / group] * group + i % group;
        return rows;
    }
}
