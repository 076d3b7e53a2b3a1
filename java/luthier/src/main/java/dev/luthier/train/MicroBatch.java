package dev.luthier.train;

import dev.luthier.data.batch.Batch;
import dev.luthier.model.Packed;
import dev.luthier.model.Transformer;

/**
 * What one forward and backward runs on.
 *
 * @param targets [T] next token of each position in its own sequence, {@link Transformer#IGNORE} where there is none
 */
public record MicroBatch(Packed packed, int[] targets) {
    public MicroBatch {
        if (targets.length != packed.tokens()) throw new IllegalArgumentException(targets.length + " targets for " + packed.tokens() + " tokens");
    }

    /** A batch of the data room. */
    public static MicroBatch of(Batch b) {
        return new MicroBatch(new Packed(b.ids(), b.positions(), b.cuSeqlens()), b.targets());
    }

    /** Positions that have a target. */
    public int targetTokens() {
        int n = 0;
        for (int t : targets) if (t != Transformer.IGNORE) n++;
        return n;
    }
}
