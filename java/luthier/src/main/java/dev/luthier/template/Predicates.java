package dev.luthier.template;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BiPredicate;

/** What can stand after {@code is}. */
final class Predicates {
    /** A test of a value. */
    @FunctionalInterface
    private interface Predicate {
        boolean holds(Rendering r, Object v, Arguments a);
    }

    private static final Map<String, Predicate> ALL = new HashMap<>();

    static {
        unary("defined", v -> !(v instanceof Undefined));
        unary("undefined", v -> v instanceof Undefined);
        unary("none", v -> v == null);
        unary("boolean", v -> v instanceof Boolean);
        unary("true", Boolean.TRUE::equals);
        unary("false", Boolean.FALSE::equals);
        unary("integer", v -> Numbers.isInteger(v) && !(v instanceof Boolean));
        unary("float", v -> v instanceof Double);
        unary("number", Numbers::isNumber);
        unary("string", Values::isText);
        unary("mapping", v -> v instanceof Dict);
        unary("iterable", Values::isIterable);
        unary("sequence", v -> Values.isText(v) || v instanceof java.util.List || v instanceof Tuple
                || v instanceof Dict || v instanceof Undefined);
        unary("callable", v -> v instanceof Callable || v instanceof LoopContext || v instanceof Undefined);
        unary("escaped", v -> v instanceof Markup);
        unary("odd", (r, v) -> remainder(r, v, 2L) == 1);
        unary("even", (r, v) -> remainder(r, v, 2L) == 0);
        ALL.put("divisibleby", (r, v, a) -> remainder(r, v, a.bind("divisibleby", 1, "num").get(0)) == 0);
        unary("lower", (r, v) -> Text.allCased(PythonText.str(r.meter(), v), Character::isLowerCase));
        unary("upper", (r, v) -> Text.allCased(PythonText.str(r.meter(), v), Character::isUpperCase));
        unary("filter", v -> Values.isText(v) && Filters.exists(Values.text(v)));
        unary("test", v -> Values.isText(v) && exists(Values.text(v)));
        ALL.put("sameas", (r, v, a) -> Comparison.same(v, a.bind("sameas", 1, "other").get(0)));
        ALL.put("in", (r, v, a) -> Comparison.contains(r.meter(), a.bind("in", 1, "seq").get(0), v));
        comparison("==", "eq", "equalto");
        comparison("!=", "ne");
        comparison("<", "lt", "lessthan");
        comparison("<=", "le");
        comparison(">", "gt", "greaterthan");
        comparison(">=", "ge");
    }

    private Predicates() { }

    private static void unary(String name, java.util.function.Predicate<Object> test) {
        unary(name, (r, v) -> test.test(v));
    }

    private static void unary(String name, BiPredicate<Rendering, Object> test) {
        ALL.put(name, (r, v, a) -> {
            a.bind(name, 0);
            return test.test(r, v);
        });
    }

    private static void comparison(String operator, String... words) {
        Predicate test = (r, v, a) -> Comparison.test(r.meter(), operator, v, a.bind(operator, 1, "other").get(0));
        ALL.put(operator, test);
        for (String word : words) {
            ALL.put(word, test);
        }
    }

    /** The remainder as a number, where only 0 and 1 are told apart from the rest. */
    private static double remainder(Rendering r, Object v, Object divisor) {
        Object rest = Arithmetic.binary(r, "%", v, divisor);
        return Numbers.isNumber(rest) ? Numbers.toDouble(rest) : Double.NaN;
    }

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    static boolean test(Rendering r, String name, Object v, Arguments a) {
        Predicate test = ALL.get(name);
        if (test == null) {
            throw Failure.of("no test is named '" + name + "'");
        }
        return test.holds(r, v, a);
    }
}
