package dev.luthier.template;

import dev.luthier.template.TemplateException.Kind;

/** A failed evaluation on its way out; the rendering turns it into a {@link TemplateException} with the line. */
final class Failure extends RuntimeException {
    private final Kind kind;

    private Failure(Kind kind, String message) {
        super(message, null, false, false);
        this.kind = kind;
    }

    TemplateException at(int line) {
        return new TemplateException(kind, kind == Kind.INPUT ? 0 : line, getMessage());
    }

    /** An operation that the language refuses. */
    static Failure of(String message) {
        return new Failure(Kind.RUNTIME, message);
    }

    /** The template called {@code raise_exception}. */
    static Failure raised(String message) {
        return new Failure(Kind.RAISED, message);
    }

    static Failure limit(String message) {
        return new Failure(Kind.LIMIT, message);
    }

    static Failure input(String message) {
        return new Failure(Kind.INPUT, message);
    }
}
