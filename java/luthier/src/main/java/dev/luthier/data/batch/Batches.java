package dev.luthier.data.batch;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.rows.Examples;
import java.util.ArrayList;
import java.util.List;

/** The optimizer steps of every epoch, by (epoch, step): any of them can be asked for at any time. */
public final class Batches {
    private final Examples examples;
    private final BatchOptions options;
    private final int[] lengths;
    private EpochPlan plan;
    private int planned = -1;

    /** @throws DataException when there is no row */
    public Batches(Examples examples, BatchOptions options) {
        if (examples.size() == 0) throw DataException.of("there is no row to make batches of; give more data");
        if (examples.size() % options.group() != 0) {
            throw new IllegalArgumentException(examples.size() + " rows do not divide into groups of "
                    + options.group());
        }
        this.examples = examples;
        this.options = options;
        this.lengths = new int[examples.size()];
        for (int i = 0; i < lengths.length; i++) lengths[i] = examples.length(i);
    }

    /** Optimizer steps in an epoch (from 0); with packing they may differ by a few between epochs. */
    public synchronized int steps(int epoch) {
        return Math.ceilDiv(plan(epoch).microBatches(), options.accumulate());
    }

    /** Optimizer steps in the first {@code epochs} epochs. */
    public long totalSteps(int epochs) {
        if (options.grouping() != BatchOptions.Grouping.PACKED || !options.shuffle()) {
            return (long) epochs * steps(0);
        }
        long n = 0;
        for (int e = 0; e < epochs; e++) n += steps(e);
        return n;
    }

    /** One step. */
    public synchronized Step step(int epoch, int index) {
        EpochPlan p = plan(epoch);
        int from = Math.multiplyExact(index, options.accumulate());
        if (index < 0 || from >= p.microBatches()) {
            throw new IndexOutOfBoundsException("step " + index + " of epoch " + epoch + ", which has "
                    + Math.ceilDiv(p.microBatches(), options.accumulate()) + " steps");
        }
        int to = Math.min(p.microBatches(), from + options.accumulate());
        List<Batch> batches = new ArrayList<>(to - from);
        for (int m = from; m < to; m++) {
            List<Example> rows = new ArrayList<>();
            for (int row : p.microBatch(m)) rows.add(examples.get(row));
            batches.add(Batch.of(rows));
        }
        return new Step(epoch, index, batches);
    }

    /** The step behind the first {@code steps} steps, epoch after epoch. */
    public Cursor cursor(long steps) {
        Cursor c = Cursor.START;
        while (steps >= steps(c.epoch())) {
            steps -= steps(c.epoch());
            c = new Cursor(c.epoch() + 1, 0);
        }
        return new Cursor(c.epoch(), (int) steps);
    }

    /** Where the next step is after the one at {@code c}. */
    public Cursor after(Cursor c) {
        return c.step() + 1 < steps(c.epoch()) ? new Cursor(c.epoch(), c.step() + 1) : new Cursor(c.epoch() + 1, 0);
    }

    /** Share of the packed rows' room that holds tokens; 1 without packing. */
    public synchronized double fill(int epoch) {
        if (options.grouping() != BatchOptions.Grouping.PACKED) return 1;
        long tokens = 0;
        for (int n : lengths) tokens += n;
        long room = 0;
        EpochPlan p = plan(epoch);
        int full = p.microBatches() - 1;
        room += (long) full * options.batch() * options.maxLength();
        long last = 0;
        for (int row : p.microBatch(full)) last += lengths[row];
        room += Math.ceilDiv(last, (long) options.maxLength()) * options.maxLength();
        return (double) tokens / room;
    }

    private EpochPlan plan(int epoch) {
        if (epoch < 0) throw new IllegalArgumentException("epoch " + epoch + " must not be negative");
        if (planned != epoch) {
            plan = EpochPlan.of(lengths, options, epoch);
            planned = epoch;
        }
        return plan;
    }
}
