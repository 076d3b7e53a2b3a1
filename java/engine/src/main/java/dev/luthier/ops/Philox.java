package dev.luthier.ops;

/**
 * Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11): the same (key, counter) gives
 * the same numbers anywhere, so that a run can be resumed or split among threads without carrying a state. Immutable and thread-safe.
 */
public final class Philox {
    private static final long M0 = 0xD2511F53L;
    private static final long M1 = 0xCD9E8D57L;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    private final long key;

    /**
     * @param seed    of the run
     * @param purpose names what the numbers are for; other purposes give other streams under the same seed
     */
    public Philox(long seed, String purpose) {
        long h = 0xcbf29ce484222325L; // FNV-1a, 64 bit
        for (int i = 0; i < purpose.length(); i++) h = (h ^ purpose.charAt(i)) * 0x100000001b3L;
        this.key = seed * 0x9E3779B97F4A7C15L ^ h;
    }

    /** A generator with exactly this key. */
    public Philox(long key) {
        this.key = key;
    }

    /** The four words of block (hi, lo), written to out[0..3]. */
    public void block(long hi, long lo, int[] out) {
        int c0 = (int) lo;
        int c1 = (int) (lo >>> 32);
        int c2 = (int) hi;
        int c3 = (int) (hi >>> 32);
        int k0 = (int) key;
        int k1 = (int) (key >>> 32);
        for (int round = 0; round < 10; round++) {
            long p0 = M0 * (c0 & 0xFFFFFFFFL);
            long p1 = M1 * (c2 & 0xFFFFFFFFL);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += W0;
            k1 += W1;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
    }

    /** 64 random bits for counter (hi, lo). */
    public long bits(long hi, long lo) {
        int[] out = new int[4];
        block(hi, lo, out);
        return (long) out[1] << 32 | out[0] & 0xFFFFFFFFL;
    }

    /** A uniform whole number in [0, bound). */
    public long below(long bound, long hi, long lo) {
        if (bound <= 0) throw new IllegalArgumentException("bound must be positive, found " + bound);
        return Math.unsignedMultiplyHigh(bits(hi, lo), bound);
    }

    /** Fills with uniform numbers in [-limit, limit), element i from counter (hi, i / 4). */
    public void fillUniform(float[] values, float limit, long hi) {
        int[] out = new int[4];
        for (int i = 0; i < values.length; i++) {
            if (i % 4 == 0) block(hi, i / 4, out);
            values[i] = ((out[i % 4] >>> 8) * 0x1p-23f - 1f) * limit;
        }
    }
}
