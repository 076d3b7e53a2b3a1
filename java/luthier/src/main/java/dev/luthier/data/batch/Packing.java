package dev.luthier.data.batch;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * Best-fit decreasing: the longest row first, each into the bin it fills best. It needs at most 11/9 of the fewest
 * bins (plus a constant); source: Johnson, "Near-optimal bin packing algorithms", 1973.
 */
final class Packing {
    /** A bin's rows in the order they were put in. */
    private static final class Bin {
        private int[] rows = new int[4];
        private int n;
    }

    private Packing() {}

    /**
     * Packs {@code order[from..to)}; equal lengths keep their order, so the result is a function of the input. A row
     * longer than a bin gets a bin of its own.
     *
     * @param lengths length of each row by its number
     */
    static List<int[]> bestFit(int[] order, int from, int to, int[] lengths, int capacity) {
        int[] sorted = byLengthDescending(order, from, to, lengths);
        List<Bin> bins = new ArrayList<>();
        TreeMap<Integer, ArrayDeque<Bin>> byRoom = new TreeMap<>();
        for (int row : sorted) {
            int length = lengths[row];
            var fit = byRoom.ceilingEntry(length);
            Bin bin;
            int room;
            if (fit == null) {
                bin = new Bin();
                bins.add(bin);
                room = capacity - length;
            } else {
                bin = fit.getValue().poll();
                if (fit.getValue().isEmpty()) byRoom.remove(fit.getKey());
                room = fit.getKey() - length;
            }
            if (bin.n == bin.rows.length) bin.rows = Arrays.copyOf(bin.rows, bin.n * 2);
            bin.rows[bin.n++] = row;
            if (room > 0) byRoom.computeIfAbsent(room, k -> new ArrayDeque<>()).add(bin);
        }
        return bins.stream().map(b -> Arrays.copyOf(b.rows, b.n)).toList();
    }

    /** Rows by falling length; a stable order. */
    static int[] byLengthDescending(int[] order, int from, int to, int[] lengths) {
        long[] keys = new long[to - from];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = (long) (Integer.MAX_VALUE - lengths[order[from + i]]) << 32 | i;
        }
        Arrays.sort(keys);
        int[] sorted = new int[keys.length];
        for (int i = 0; i < sorted.length; i++) sorted[i] = order[from + (int) keys[i]];
        return sorted;
    }
}
