package dev.luthier.template;

import java.util.Iterator;
import java.util.function.Supplier;

/**
 * Python's generators and iterators: walked once, made only when first asked, without length or index. That they are
 * used up, always true and refused by {@code tojson} is part of what templates see.
 */
final class Lazy implements Iterator<Object> {
    final String type;
    private Supplier<? extends Iterator<Object>> source;
    private Iterator<Object> elements;

    Lazy(String type, Supplier<? extends Iterator<Object>> source) {
        this.type = type;
        this.source = source;
    }

    /** The value of a generator function. */
    static Lazy generator(Supplier<? extends Iterator<Object>> source) {
        return new Lazy("generator", source);
    }

    private Iterator<Object> elements() {
        if (elements == null) {
            elements = source.get();
            source = null;
        }
        return elements;
    }

    @Override
    public boolean hasNext() {
        return elements().hasNext();
    }

    @Override
    public Object next() {
        return elements().next();
    }
}
