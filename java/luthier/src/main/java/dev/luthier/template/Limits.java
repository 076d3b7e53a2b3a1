package dev.luthier.template;

/**
 * How much one rendering may do before it is stopped with an error of kind {@link TemplateException.Kind#LIMIT}.
 *
 * @param steps evaluated nodes, iterations and, at four characters or one list element a step, data made on the way
 * @param characters longest text, in UTF-16 units: the output and every string made on the way
 * @param depth nested macro calls and recursive loops
 * @param range longest {@code range()}, in elements
 */
public record Limits(long steps, int characters, int depth, int range) {
    /** Room for a conversation of some millions of tokens; an endless template stops within seconds. */
    public static final Limits DEFAULT = new Limits(50_000_000L, 1 << 26, 100, 100_000);

    /** Refuses limits that let nothing through. */
    public Limits {
        if (steps <= 0 || characters <= 0 || depth <= 0 || range <= 0) {
            throw new IllegalArgumentException("template limits must all be positive, found steps " + steps
                    + ", characters " + characters + ", depth " + depth + ", range " + range);
        }
    }
}
