package dev.luthier.template;

import java.util.HashMap;
import java.util.Map;

/** The filters by name; they live by subject in {@link TextFilters}, {@link SequenceFilters},
 * {@link ChoiceFilters} and {@link ValueFilters}. */
final class Filters {
    /** A filter: makes a new value of its input. */
    @FunctionalInterface
    interface Filter {
        Object apply(Rendering r, Object input, Arguments arguments);
    }

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        TextFilters.addTo(ALL);
        SequenceFilters.addTo(ALL);
        ChoiceFilters.addTo(ALL);
        ValueFilters.addTo(ALL);
    }

    private Filters() { }

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    static Object apply(Rendering r, String name, Object input, Arguments arguments) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw Failure.of("no filter is named '" + name + "'");
        }
        return filter.apply(r, input, arguments);
    }
}
