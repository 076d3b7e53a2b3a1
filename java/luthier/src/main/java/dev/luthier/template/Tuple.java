package dev.luthier.template;

import java.util.Arrays;
import java.util.List;

/**
 * Python's {@code tuple}.
 *
 * @param items its elements, some of which may be null
 * @param names what the elements are called as attributes; empty but for the groups of {@code groupby}
 */
record Tuple(List<Object> items, List<String> names) {
    Tuple(List<Object> items) {
        this(items, List.of());
    }

    static Tuple of(Object... items) {
        return new Tuple(Arrays.asList(items));
    }
}
