package dev.luthier.tokenizer;

/**
 * UTF-8 read piece by piece. A character comes out when its last byte has come in; each longest start of a character that goes wrong becomes
 * one U+FFFD (Unicode 16, section 3.9, "substitution of maximal subparts"). Java's own decoder groups some errors differently.
 */
final class Utf8 {
    private int codePoint;
    private int missing;
    private int low = 0x80; // what the next byte may be
    private int high = 0xBF;

    String decode(byte[] bytes) {
        StringBuilder out = new StringBuilder(bytes.length);
        for (byte b : bytes) accept(b & 0xFF, out);
        return out.toString();
    }

    /** U+FFFD where a character has begun and not ended. */
    String finish() {
        boolean begun = missing > 0;
        missing = 0;
        return begun ? "\uFFFD" : "";
    }

    private void accept(int b, StringBuilder out) {
        if (missing == 0) {
            start(b, out);
            return;
        }
        if (b < low || b > high) {
            out.append('\uFFFD');
            missing = 0;
            start(b, out);
            return;
        }
        low = 0x80;
        high = 0xBF;
        codePoint = codePoint << 6 | b & 0x3F;
        if (--missing == 0) out.appendCodePoint(codePoint);
    }

    private void start(int b, StringBuilder out) {
        low = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80; // no character in more bytes than it needs
        high = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF; // no surrogates, nothing above U+10FFFF
        if (b < 0x80) {
            out.append((char) b);
        } else if (b >= 0xC2 && b <= 0xDF) {
            begin(b & 0x1F, 1);
        } else if (b >= 0xE0 && b <= 0xEF) {
            begin(b & 0x0F, 2);
        } else if (b >= 0xF0 && b <= 0xF4) {
            begin(b & 0x07, 3);
        } else {
            out.append('\uFFFD');
        }
    }

    private void begin(int bits, int more) {
        codePoint = bits;
        missing = more;
    }
}
