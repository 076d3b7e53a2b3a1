package dev.luthier.template;

/**
 * A chat template that cannot be read or rendered.
 *
 * <p>{@link #getMessage()} of a {@link Kind#RAISED} exception is exactly the sentence that the template's author wrote
 * in {@code raise_exception}; every other message names the line of the template.
 */
public final class TemplateException extends RuntimeException {
    /** What went wrong. */
    public enum Kind {
        /** The source is not a template: nothing was rendered. */
        SYNTAX,
        /** The template itself refused its input with {@code raise_exception}. */
        RAISED,
        /** An expression failed: wrong type, undefined variable, division by zero. */
        RUNTIME,
        /** The rendering was stopped because it took too many steps, too much text or too deep a recursion. */
        LIMIT,
        /** A variable handed to the template has a type that templates do not know. */
        INPUT
    }

    private final Kind kind;
    private final int line;

    TemplateException(Kind kind, int line, String message) {
        super(kind == Kind.RAISED || line == 0 ? message : "chat template, line " + line + ": " + message);
        this.kind = kind;
        this.line = line;
    }

    /** Returns what went wrong. */
    public Kind kind() {
        return kind;
    }

    /** Returns the line of the template, counted from 1, or 0 where the fault lies outside the template. */
    public int line() {
        return line;
    }
}
