package dev.luthier.data.batch;

import dev.luthier.data.Philox;

/** The random streams of this room: one for each purpose and epoch, so that no choice disturbs another. */
final class Streams {
    private static final long DATA = 0xDA7AL << 48;

    private Streams() {}

    static Philox order(long seed, int epoch) {
        return new Philox(seed, DATA | 1L << 32 | epoch);
    }

    static Philox batches(long seed, int epoch) {
        return new Philox(seed, DATA | 2L << 32 | epoch);
    }

    static Philox holdOut(long seed) {
        return new Philox(seed, DATA | 3L << 32);
    }
}
