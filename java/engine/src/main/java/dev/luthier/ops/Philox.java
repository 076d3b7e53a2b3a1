package dev.luthier.ops;

/**
 * Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11): the same key and counter give the
 * same numbers anywhere, so that a run can be resumed or split among threads without carrying a state.
 */
public final class Philox {
    private static final long M0 = 0xD2511F53L;
    private static final long M1 = 0xCD9E8D57L;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    private Philox() {
    }

    /** Ten rounds on the four words of a counter, in place, under the key (k0, k1). */
    public static void rounds(int[] counter, int k0, int k1) {
        for (int round = 0; round < 10; round++) {
            long p0 = M0 * (counter[0] & 0xFFFFFFFFL);
            long p1 = M1 * (counter[2] & 0xFFFFFFFFL);
            int c0 = (int) (p1 >>> 32) ^ counter[1] ^ k0;
            int c2 = (int) (p0 >>> 32) ^ counter[3] ^ k1;
            counter[0] = c0;
            counter[1] = (int) p1;
            counter[2] = c2;
            counter[3] = (int) p0;
            k0 += W0;
            k1 += W1;
        }
    }

    /**
     * Fills with uniform numbers in [-limit, limit), element i from counter i / 4.
     *
     * @param seed    of the run
     * @param purpose names what the numbers are for; another purpose has other numbers under the same seed
     */
    public static void fillUniform(float[] values, float limit, long seed, String purpose) {
        long stream = 0xcbf29ce484222325L; // FNV-1a, 64 bit
        for (int i = 0; i < purpose.length(); i++) stream = (stream ^ purpose.charAt(i)) * 0x100000001b3L;
        int[] block = new int[4];
        for (int i = 0; i < values.length; i++) {
            if (i % 4 == 0) {
                block[0] = i / 4;
                block[1] = 0;
                block[2] = (int) stream;
                block[3] = (int) (stream >>> 32);
                rounds(block, (int) seed, (int) (seed >>> 32));
            }
            values[i] = ((block[i % 4] >>> 8) * 0x1p-23f - 1f) * limit;
        }
    }
}
