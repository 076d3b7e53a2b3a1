package dev.luthier.io;

import java.util.Arrays;
import java.util.Random;

/** Damages files: flipped bits, random bytes, cuts, growth, numbers at their extremes, pieces moved. */
final class Mutations {
    private static final long[] EXTREMES = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, Integer.MAX_VALUE, Integer.MIN_VALUE,
        1L << 32, (1L << 32) - 1, 1L << 40, 1L << 60, 100_000_000, 0x7FFFFFFFFFFFFFC0L};
    private static final String DIGITS = "0123456789";

    private final Random random;

    Mutations(long seed) {
        this.random = new Random(seed);
    }

    /** One to four changes, most of them in the first {@code headBytes}. */
    byte[] mutate(byte[] file, int headBytes) {
        byte[] b = file.clone();
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            b = change(b, headBytes);
        }
        return b;
    }

    private byte[] change(byte[] b, int headBytes) {
        if (b.length < 16) {
            return b;
        }
        int at = random.nextInt(random.nextInt(8) == 0 ? b.length : Math.min(b.length, headBytes));
        switch (random.nextInt(9)) {
            case 0 -> b[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> b[at] = (byte) random.nextInt(256);
            case 2 -> {
                return Arrays.copyOf(b, random.nextInt(b.length));
            }
            case 3 -> {
                return Arrays.copyOf(b, b.length + 1 + random.nextInt(64));
            }
            case 4 -> put(b, at, EXTREMES[random.nextInt(EXTREMES.length)], 8);
            case 5 -> put(b, at, EXTREMES[random.nextInt(EXTREMES.length)], 4);
            case 6 -> put(b, at, random.nextInt(b.length), 8);
            case 7 -> {
                int length = random.nextInt(Math.min(64, b.length - at) + 1);
                System.arraycopy(b, at, b, random.nextInt(b.length - length + 1), length);
            }
            default -> {
                int digit = nextDigit(b, at, headBytes);
                b[digit] = (byte) DIGITS.charAt(random.nextInt(DIGITS.length()));
            }
        }
        return b;
    }

    private static void put(byte[] b, int at, long value, int bytes) {
        for (int i = 0; i < bytes && at + i < b.length; i++) {
            b[at + i] = (byte) (value >>> 8 * i);
        }
    }

    private static int nextDigit(byte[] b, int from, int headBytes) {
        for (int i = from; i < Math.min(b.length, headBytes); i++) {
            if (DIGITS.indexOf(b[i]) >= 0) {
                return i;
            }
        }
        return from;
    }
}
