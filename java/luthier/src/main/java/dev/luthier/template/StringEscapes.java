package dev.luthier.template;

/** The backslash escapes of string literals, as Python reads them. */
final class StringEscapes {
    private StringEscapes() { }

    /**
     * Returns the text that the inside of a string literal stands for.
     *
     * @throws IllegalArgumentException where an escape is cut short or names no character
     */
    static String decode(String raw) {
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        StringBuilder out = new StringBuilder(raw.length());
        int i = 0;
        while (i < raw.length()) {
            char c = raw.charAt(i++);
            if (c != '\\' || i == raw.length()) {
                out.append(c);
                continue;
            }
            char e = raw.charAt(i++);
            switch (e) {
                case '\n' -> { }
                case '\\', '\'', '"' -> out.append(e);
                case 'a' -> out.append('\u0007');
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 't' -> out.append('\t');
                case 'v' -> out.append('\u000b');
                case 'x' -> i = hex(raw, i, 2, "\\xXX", out);
                case 'u' -> i = hex(raw, i, 4, "\\uXXXX", out);
                case 'U' -> i = hex(raw, i, 8, "\\UXXXXXXXX", out);
                case 'N' -> i = named(raw, i, out);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                    int value = e - '0';
                    for (int n = 1; n < 3 && i < raw.length() && Character.digit(raw.charAt(i), 8) >= 0; n++) {
                        value = value * 8 + Character.digit(raw.charAt(i++), 8);
                    }
                    out.append((char) value);
                }
                default -> out.append('\\').append(e);
            }
        }
        return out.toString();
    }

    private static int hex(String raw, int at, int digits, String form, StringBuilder out) {
        long value = 0;
        for (int i = at; i < at + digits; i++) {
            int digit = i < raw.length() && raw.charAt(i) < 128 ? Character.digit(raw.charAt(i), 16) : -1;
            if (digit < 0) {
                throw new IllegalArgumentException("the escape " + form + " in a string is cut short");
            }
            value = value * 16 + digit;
        }
        if (value > Character.MAX_CODE_POINT) {
            throw new IllegalArgumentException("the escape " + form + " in a string names no character");
        }
        out.appendCodePoint((int) value);
        return at + digits;
    }

    private static int named(String raw, int at, StringBuilder out) {
        int end = raw.indexOf('}', at);
        if (at >= raw.length() || raw.charAt(at) != '{' || end < 0) {
            throw new IllegalArgumentException("the escape \\N in a string needs a name: \\N{...}");
        }
        try {
            out.appendCodePoint(Character.codePointOf(raw.substring(at + 1, end)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("the escape \\N{" + raw.substring(at + 1, end)
                    + "} in a string names no character", e);
        }
        return end + 1;
    }
}
