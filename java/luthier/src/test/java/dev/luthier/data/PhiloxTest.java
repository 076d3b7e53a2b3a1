package dev.luthier.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PhiloxTest {
    private static int[] rounds(int k0, int k1, int... counter) {
        dev.luthier.ops.Philox.rounds(counter, k0, k1);
        return counter;
    }

    /** The known answers that the paper's authors publish with their library Random123. */
    @Test
    void knownAnswers() {
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, rounds(0, 0, 0, 0, 0, 0));
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, rounds(-1, -1, -1, -1, -1, -1));
        assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                rounds(0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344));
    }

    @Test
    void streamsAreIndependentAndRepeatable() {
        int[] a = new Philox(3407, 1).permutation(1000);
        assertArrayEquals(a, new Philox(3407, 1).permutation(1000));
        assertNotEquals(Arrays.toString(a), Arrays.toString(new Philox(3407, 2).permutation(1000)));
        assertNotEquals(Arrays.toString(a), Arrays.toString(new Philox(3408, 1).permutation(1000)));
        int[] sorted = a.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; i++) assertEquals(i, sorted[i]);
    }

    /** Chi-square of 24 permutations of 4 over 24,000 draws: 23 degrees of freedom, 99.99 % below 57.1. */
    @Test
    void everyPermutationIsEquallyLikely() {
        int[] count = new int[256];
        Philox random = new Philox(7, 0);
        for (int i = 0; i < 24_000; i++) {
            int[] p = random.permutation(4);
            count[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
        }
        double chi = 0;
        int kinds = 0;
        for (int c : count) {
            if (c == 0) continue;
            kinds++;
            chi += (c - 1000.0) * (c - 1000.0) / 1000;
        }
        assertEquals(24, kinds);
        assertTrue(chi < 57.1, "chi-square " + chi);
    }
}
