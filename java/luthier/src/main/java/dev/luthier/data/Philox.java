package dev.luthier.data;

/**
 * Philox4x32-10, a counter-based random generator: the n-th number of a stream is a function of (key, stream, n), so a
 * run can resume anywhere without stored state.
 *
 * <p>Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
public final class Philox {
    private final long seed;
    private final long stream;
    private final int[] block = new int[4];
    private long counter;
    private int used = 4;

    /**
     * @param seed   the key, the same for a whole run
     * @param stream which of 2^64 independent streams
     */
    public Philox(long seed, long stream) {
        this.seed = seed;
        this.stream = stream;
    }

    /** The next 32 random bits. */
    public int nextInt() {
        if (used == 4) {
            block[0] = (int) counter;
            block[1] = (int) (counter >>> 32);
            block[2] = (int) stream;
            block[3] = (int) (stream >>> 32);
            dev.luthier.ops.Philox.rounds(block, (int) seed, (int) (seed >>> 32));
            counter++;
            used = 0;
        }
        return block[used++];
    }

    /** A number in [0, bound), each equally likely (Lemire's multiplication with rejection). */
    public int nextInt(int bound) {
        if (bound <= 0) throw new IllegalArgumentException("bound " + bound + " must be positive");
        long product = (nextInt() & 0xFFFFFFFFL) * bound;
        long low = product & 0xFFFFFFFFL;
        if (low < bound) {
            long threshold = (0x1_0000_0000L - bound) % bound;
            while (low < threshold) {
                product = (nextInt() & 0xFFFFFFFFL) * bound;
                low = product & 0xFFFFFFFFL;
            }
        }
        return (int) (product >>> 32);
    }

    /** A permutation of 0..n-1 (Fisher-Yates). */
    public int[] permutation(int n) {
        int[] p = new int[n];
        for (int i = 0; i < n; i++) p[i] = i;
        for (int i = n - 1; i > 0; i--) {
            int j = nextInt(i + 1);
            int t = p[i];
            p[i] = p[j];
            p[j] = t;
        }
        return p;
    }
}
