package dev.luthier.tokenizer;

/**
 * A tokenizer file that is broken or asks for something not supported. The message is one sentence on one line that names the file, the
 * field, what was found and what was wanted.
 */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int MAX_QUOTED = 80;

    private final String source;
    private final String field;

    TokenizerException(String source, String field, String problem) {
        super(escape(source, Integer.MAX_VALUE) + (field.isEmpty() ? "" : ", " + escape(field, 4 * MAX_QUOTED)) + ": " + problem + ".");
        this.source = source;
        this.field = field;
    }

    /** The file, or what stands for it. */
    public String source() {
        return source;
    }

    /** The place in the file, such as {@code pre_tokenizer.pretokenizers[0].pattern.Regex}; empty for the whole file. */
    public String field() {
        return field;
    }

    /** Text from a file, in quotes, cut to a short length and safe to print. */
    static String quote(String text) {
        return "'" + escape(text, MAX_QUOTED) + "'";
    }

    private static String escape(String text, int limit) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (i >= limit) return s.append("...").toString();
            if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029' || Character.isSurrogate(c) && !paired(text, i))
                s.append(String.format("\\u%04x", (int) c));
            else s.append(c);
        }
        return s.toString();
    }

    private static boolean paired(String text, int i) {
        return Character.isHighSurrogate(text.charAt(i)) ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
