package dev.luthier.tokenizer;

import java.util.regex.Pattern;

/**
 * Every match of a pattern replaced by a fixed text, in normalizers and decoders.
 *
 * @param literal the text looked for, or null where it is a regular expression
 */
record Replacement(String literal, Pattern pattern, String content, String owner) {
    /** The longest text that a tokenizer file may put in place of a match, and the longest it may grow to. */
    private static final int MAX_CONTENT = 1000;

    static Replacement literal(String literal, String content, String owner) {
        return new Replacement(literal, null, content, owner);
    }

    /** Reads {@code {"pattern": {"String" | "Regex": ...}, "content": ...}}. */
    static Replacement of(Field field) {
        field.only("type", "pattern", "content");
        String content = field.at("content").text();
        if (content.length() > MAX_CONTENT) throw field.at("content").wanted("at most " + MAX_CONTENT + " characters");
        String literal = literalOf(field.at("pattern"));
        return new Replacement(literal, literal == null ? patternOf(field.at("pattern")) : null, content, field.source());
    }

    /** The text of {@code {"String": text}}, or null where the pattern is a regular expression. */
    static String literalOf(Field pattern) {
        pattern.only("String", "Regex");
        if (pattern.node().size() != 1) throw pattern.wanted("either String or Regex");
        if (!pattern.at("String").present()) return null;
        String literal = pattern.at("String").text();
        if (literal.isEmpty()) throw pattern.at("String").wanted("a text that is not empty");
        return literal;
    }

    /** The expression of {@code {"Regex": expression}}. */
    static Pattern patternOf(Field pattern) {
        Field regex = pattern.at("Regex");
        try {
            return OnigurumaRegex.compile(regex.text());
        } catch (IllegalArgumentException e) {
            throw regex.problem("found " + TokenizerException.quote(String.valueOf(e.getMessage())) + ", which is not supported");
        }
    }

    /** @param limit the longest result allowed */
    String apply(String text, long limit) {
        if (literal != null) {
            if (!text.contains(literal)) return text;
            if (content.length() > literal.length()) {
                long times = 0;
                for (int at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + literal.length())) times++;
                check(text.length() + times * (content.length() - literal.length()), limit);
            }
            return text.replace(literal, content);
        }
        StringBuilder out = new StringBuilder(text.length());
        int[] done = {0};
        BoundedText.search(pattern, text, 0, text.length(), owner, (start, end) -> {
            check((long) out.length() + content.length(), limit);
            out.append(text, done[0], start).append(content);
            done[0] = end;
        });
        return done[0] == 0 && out.isEmpty() ? text : out.append(text, done[0], text.length()).toString();
    }

    private void check(long length, long limit) {
        if (length > limit) throw new TokenizerException(owner, "", "replacing " + TokenizerException.quote(literal != null ? literal : pattern.pattern())
                + " lets this text grow beyond " + limit + " characters");
    }
}
