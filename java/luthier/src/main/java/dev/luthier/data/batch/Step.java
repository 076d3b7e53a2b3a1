package dev.luthier.data.batch;

import java.util.List;

/**
 * What one optimizer step learns from.
 *
 * @param batches at most {@link BatchOptions#accumulate}; fewer at an epoch's end
 */
public record Step(int epoch, int index, List<Batch> batches) {
    /** The number by which the step's loss is divided. */
    public long targetTokens() {
        long n = 0;
        for (Batch b : batches) n += b.targetTokens();
        return n;
    }

    public long tokens() {
        long n = 0;
        for (Batch b : batches) n += b.tokens();
        return n;
    }
}
