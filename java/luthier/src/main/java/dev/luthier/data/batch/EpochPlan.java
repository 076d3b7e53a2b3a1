package dev.luthier.data.batch;

import dev.luthier.data.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Which rows make up which micro-batch in one epoch: a function of the rows' lengths, the options and the epoch's
 * number alone, so that a run resumes from (epoch, step) without any stored order.
 */
final class EpochPlan {
    /** Rows packed together are chosen among this many: packs within a few per mille of the optimum, keeps the shuffle. */
    private static final int PACK_WINDOW = 8192;
    /** Steps whose rows are sorted by length together. */
    private static final int LENGTH_WINDOW_STEPS = 32;

    private final int[] rows;
    private final int[] starts;

    private EpochPlan(int[] rows, int[] starts) {
        this.rows = rows;
        this.starts = starts;
    }

    static EpochPlan of(int[] lengths, BatchOptions o, int epoch) {
        int units = lengths.length / o.group();
        int[] order;
        if (o.shuffle()) {
            order = Streams.order(o.seed(), epoch).permutation(units);
        } else {
            order = new int[units];
            Arrays.setAll(order, i -> i);
        }
        List<int[]> micro = switch (o.grouping()) {
            case NONE -> consecutive(order, o);
            case LENGTH -> byLength(order, lengths, o, epoch);
            case PACKED -> packed(order, lengths, o, epoch);
        };
        return flat(micro);
    }

    private static List<int[]> consecutive(int[] order, BatchOptions o) {
        List<int[]> micro = new ArrayList<>();
        for (int at = 0; at < order.length; at += o.batch()) {
            int n = Math.min(o.batch(), order.length - at);
            int[] rows = new int[n * o.group()];
            for (int i = 0; i < rows.length; i++) rows[i] = order[at + i / o.group()] * o.group() + i % o.group();
            micro.add(rows);
        }
        return micro;
    }

    private static List<int[]> byLength(int[] order, int[] lengths, BatchOptions o, int epoch) {
        int window = (int) Math.min(Integer.MAX_VALUE, (long) o.batch() * o.accumulate() * LENGTH_WINDOW_STEPS);
        List<int[]> micro = new ArrayList<>();
        for (int from = 0; from < order.length; from += window) {
            int to = Math.min(order.length, from + window);
            int[] sorted = Packing.byLengthDescending(order, from, to, lengths);
            List<int[]> some = new ArrayList<>();
            for (int at = 0; at < sorted.length; at += o.batch()) {
                some.add(Arrays.copyOfRange(sorted, at, Math.min(sorted.length, at + o.batch())));
            }
            // The one short micro-batch stays last, where an epoch's remainder belongs.
            micro.addAll(shuffled(some, some.size() - (to == order.length ? 1 : 0), o, epoch, from));
        }
        return micro;
    }

    private static List<int[]> packed(int[] order, int[] lengths, BatchOptions o, int epoch) {
        List<int[]> bins = new ArrayList<>();
        for (int from = 0; from < order.length; from += PACK_WINDOW) {
            int to = Math.min(order.length, from + PACK_WINDOW);
            List<int[]> some = Packing.bestFit(order, from, to, lengths, o.maxLength());
            // Best fit puts the long rows first; training should not meet them first.
            bins.addAll(shuffled(some, some.size(), o, epoch, from));
        }
        List<int[]> micro = new ArrayList<>();
        for (int at = 0; at < bins.size(); at += o.batch()) {
            micro.add(bins.subList(at, Math.min(bins.size(), at + o.batch())).stream().flatMapToInt(Arrays::stream)
                    .toArray());
        }
        return micro;
    }

    /** The first {@code n} in random order and the others behind them; without shuffling, by their first row. */
    private static List<int[]> shuffled(List<int[]> some, int n, BatchOptions o, int epoch, int window) {
        if (!o.shuffle()) {
            List<int[]> inOrder = new ArrayList<>(some);
            inOrder.sort(Comparator.comparingInt(rows -> Arrays.stream(rows).min().orElse(0)));
            return inOrder;
        }
        Philox random = Streams.batches(o.seed() ^ (long) window << 32, epoch);
        List<int[]> out = new ArrayList<>(some.size());
        for (int i : random.permutation(n)) out.add(some.get(i));
        out.addAll(some.subList(n, some.size()));
        return out;
    }

    private static EpochPlan flat(List<int[]> micro) {
        int[] starts = new int[micro.size() + 1];
        for (int i = 0; i < micro.size(); i++) starts[i + 1] = starts[i] + micro.get(i).length;
        int[] rows = new int[starts[micro.size()]];
        for (int i = 0; i < micro.size(); i++) System.arraycopy(micro.get(i), 0, rows, starts[i], micro.get(i).length);
        return new EpochPlan(rows, starts);
    }

    int microBatches() {
        return starts.length - 1;
    }

    int[] microBatch(int i) {
        return Arrays.copyOfRange(rows, starts[i], starts[i + 1]);
    }
}
