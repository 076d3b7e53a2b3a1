package dev.luthier.template;

/**
 * Part of a rendered text.
 *
 * @param start first UTF-16 unit
 * @param end one past the last UTF-16 unit
 */
public record Span(int start, int end) {
    /** Refuses a span that ends before it starts. */
    public Span {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("span " + start + ".." + end + " is not a range of text");
        }
    }

    /** Returns the text that this span covers. */
    public String of(String text) {
        return text.substring(start, end);
    }
}
