package dev.luthier.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The values of one call.
 *
 * @param positional in order; elements may be null
 * @param keyword by name, in order
 */
record Arguments(List<Object> positional, Map<String, Object> keyword) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    static Arguments of(Object... positional) {
        return new Arguments(java.util.Arrays.asList(positional), Map.of());
    }

    /** These arguments without the first {@code count} positional ones. */
    Arguments skip(int count) {
        return new Arguments(positional.subList(count, positional.size()), keyword);
    }

    Arguments with(String name, Object value) {
        Map<String, Object> all = new LinkedHashMap<>(keyword);
        all.put(name, value);
        return new Arguments(positional, all);
    }

    /**
     * Sorts the arguments by the parameters of a function.
     *
     * @param function its name, for errors
     * @param required how many of the parameters must be given
     */
    Bound bind(String function, int required, String... parameters) {
        if (positional.size() > parameters.length) {
            throw Failure.of(function + "() takes at most " + parameters.length + " argument"
                    + (parameters.length == 1 ? "" : "s") + " (" + positional.size() + " given)");
        }
        Object[] values = new Object[parameters.length];
        java.util.Arrays.fill(values, Values.ABSENT);
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, Object> e : keyword.entrySet()) {
            int at = List.of(parameters).indexOf(e.getKey());
            if (at < 0) {
                throw Failure.of(function + "() got an unexpected keyword argument '" + e.getKey() + "'");
            }
            if (values[at] != Values.ABSENT) {
                throw Failure.of(function + "() got multiple values for argument '" + e.getKey() + "'");
            }
            values[at] = e.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (values[i] == Values.ABSENT) {
                throw Failure.of(function + "() missing required argument '" + parameters[i] + "'");
            }
        }
        return new Bound(function, parameters, values);
    }

    /** Arguments in the order of a function's parameters. */
    record Bound(String function, String[] parameters, Object[] values) {
        boolean has(int i) {
            return values[i] != Values.ABSENT;
        }

        Object get(int i, Object otherwise) {
            return has(i) ? values[i] : otherwise;
        }

        Object get(int i) {
            return get(i, null);
        }

        boolean flag(int i, boolean otherwise) {
            return has(i) ? Values.truth(values[i]) : otherwise;
        }

        long integer(int i, long otherwise) {
            if (!has(i)) {
                return otherwise;
            }
            Long value = Numbers.index(values[i]);
            if (value == null) {
                throw wrongType(i, "an integer");
            }
            return value;
        }

        /** A text argument, or null where it is absent or none. */
        String textOrNull(int i) {
            return get(i) == null ? null : text(i, null);
        }

        String text(int i, String otherwise) {
            if (!has(i)) {
                return otherwise;
            }
            if (!Values.isText(values[i])) {
                throw wrongType(i, "a string");
            }
            return Values.text(values[i]);
        }

        private Failure wrongType(int i, String wanted) {
            if (values[i] instanceof Undefined u) {
                return u.failure();
            }
            return Failure.of(function + "() wants " + wanted + " as '" + parameters[i] + "', found "
                    + Values.typeName(values[i]));
        }
    }
}
