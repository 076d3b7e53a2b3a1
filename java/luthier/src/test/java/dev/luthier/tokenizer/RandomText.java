package dev.luthier.tokenizer;

import java.util.Random;

/** Random Unicode. */
final class RandomText {

    private RandomText() {
    }

    /** A code point that was assigned in Unicode 13 already, so that older libraries know it too; low ones more often. */
    static int codePoint(Random random) {
        int[][] blocks = {{0x20, 0x7E}, {0x09, 0x0D}, {0xA0, 0x24F}, {0x250, 0x2FF}, {0x300, 0x36F}, {0x391, 0x3A1}, {0x400, 0x481},
                {0x5D0, 0x5EA}, {0x627, 0x64A}, {0x660, 0x669}, {0x905, 0x939}, {0xE01, 0xE2E}, {0x10D0, 0x10F0}, {0x1100, 0x1112},
                {0x1E00, 0x1EFF}, {0x2000, 0x2027}, {0x20A0, 0x20BF}, {0x2100, 0x218B}, {0x2190, 0x23FF}, {0x2460, 0x24FF}, {0x3000, 0x303F},
                {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}, {0xE000, 0xE0FF}, {0xF900, 0xFA2D}, {0xFB00, 0xFB06},
                {0xFF01, 0xFF5E}, {0x10400, 0x1044F}, {0x1D400, 0x1D454}, {0x1F300, 0x1F5FF}, {0x20000, 0x2A6D6}, {0xE0001, 0xE0001}};
        int[] block = blocks[random.nextInt(4) == 0 ? 0 : random.nextInt(blocks.length)];
        return block[0] + random.nextInt(block[1] - block[0] + 1);
    }

    static String text(Random random, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            int c = codePoint(random);
            for (int n = random.nextInt(8) == 0 ? 1 + random.nextInt(5) : 1; n > 0; n--) text.appendCodePoint(c);
            if (random.nextInt(5) == 0) text.append(' ');
        }
        return text.toString();
    }
}
