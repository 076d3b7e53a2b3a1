package dev.luthier.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's alphabet, in which byte-level vocabularies write bytes: printable Latin-1 characters stand for themselves, the other 68 bytes
 * for U+0100 and on, in order. Source: Radford et al. 2019, the encoder published with GPT-2.
 */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[512];

    static {
        Arrays.fill(BYTES, (short) -1);
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xFF && b != 0xAD;
            CHARS[b] = (char) (printable ? b : next++);
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {
    }

    static char charOf(int b) {
        return CHARS[b & 0xFF];
    }

    /** The byte that a character stands for, or -1. */
    static int byteOf(char c) {
        return c < BYTES.length ? BYTES[c] : -1;
    }

    /** The UTF-8 bytes of a piece of text, written in the alphabet. */
    static String write(String text, int start, int end) {
        StringBuilder out = new StringBuilder((end - start) * 2);
        for (byte b : utf8(text, start, end)) out.append(CHARS[b & 0xFF]);
        return out.toString();
    }

    /** The bytes that a token stands for, or null where it has a character outside the alphabet. */
    static byte[] read(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            int b = byteOf(token.charAt(i));
            if (b < 0) return null;
            bytes[i] = (byte) b;
        }
        return bytes;
    }

    static byte[] utf8(String text, int start, int end) {
        return text.substring(start, end).getBytes(StandardCharsets.UTF_8);
    }
}
