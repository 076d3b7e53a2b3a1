package dev.luthier.template;

/** Counts the work of one rendering and stops it when a limit is reached. */
final class Meter {
    /** Longest integer, in bits; Python refuses to print one of more than 4300 digits (14285 bits). */
    static final int MAX_INTEGER_BITS = 1 << 15;

    private final Limits limits;
    private long left;
    private int depth;

    Meter(Limits limits) {
        this.limits = limits;
        this.left = limits.steps();
    }

    Limits limits() {
        return limits;
    }

    void step() {
        charge(1);
    }

    void charge(long units) {
        left -= units;
        if (left < 0) {
            throw Failure.limit("stopped after " + limits.steps()
                    + " steps: does the template loop without end? (Limits.steps raises the bound)");
        }
    }

    /** Allows a text of this many UTF-16 units to come into being, and counts it. */
    void text(long length) {
        fits(length);
        charge(length >> 2);
    }

    /** Checks a length that is still growing. */
    void fits(long length) {
        if (length > limits.characters()) {
            throw Failure.limit("a text grew beyond " + limits.characters()
                    + " characters (Limits.characters raises the bound)");
        }
    }

    /** Counts a text that an operation made, and hands it through. */
    String made(String text) {
        text(text.length());
        return text;
    }

    /** Allows a list of this many elements. */
    void elements(long count) {
        charge(count);
    }

    void integerBits(long bits) {
        if (bits > MAX_INTEGER_BITS) {
            throw Failure.limit("an integer grew beyond " + MAX_INTEGER_BITS + " bits");
        }
    }

    void enter() {
        if (++depth > limits.depth()) {
            throw Failure.limit("macros or recursive loops nest more than " + limits.depth()
                    + " deep (Limits.depth raises the bound)");
        }
    }

    void leave() {
        depth--;
    }
}
