package dev.luthier.template;

import java.util.Iterator;
import java.util.List;
import java.util.Objects;

/** Python's comparisons between any two values. */
final class Comparison {
    private Comparison() { }

    static boolean equal(Meter meter, Object a, Object b) {
        if (a == b) {
            return !(a instanceof Double d && d.isNaN());
        }
        if (a == null || b == null) {
            return false;
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            Integer order = Numbers.compare(a, b);
            return order != null && order == 0;
        }
        if (Values.isText(a) && Values.isText(b)) {
            meter.charge(Math.min(Values.text(a).length(), Values.text(b).length()) >> 6);
            return Values.text(a).equals(Values.text(b));
        }
        if (a instanceof Undefined && b instanceof Undefined) {
            return true;
        }
        if (a instanceof Range r && b instanceof Range s) {
            return r.size() == s.size() && (r.isEmpty() || r.get(0).equals(s.get(0))
                    && r.getLast().equals(s.getLast()));
        }
        if (a instanceof Range || b instanceof Range) {
            return false;
        }
        if (a instanceof List<?> l && b instanceof List<?> m) {
            return equalElements(meter, l, m);
        }
        if (a instanceof Tuple t && b instanceof Tuple u) {
            return equalElements(meter, t.items(), u.items());
        }
        if (a instanceof Dict d && b instanceof Dict e) {
            return equalDicts(meter, d, e);
        }
        if (a instanceof DictView v && b instanceof DictView w && !v.type().equals("dict_values")) {
            return v.elements().size() == w.elements().size()
                    && v.elements().stream().allMatch(x -> contains(meter, w, x));
        }
        return false;
    }

    private static boolean equalElements(Meter meter, List<?> a, List<?> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            meter.step();
            if (!equal(meter, a.get(i), b.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalDicts(Meter meter, Dict a, Dict b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            meter.step();
            Object other = b.get(meter, a.keys().get(i));
            if (other == Values.ABSENT || !equal(meter, a.values().get(i), other)) {
                return false;
            }
        }
        return true;
    }

    /** Evaluates {@code a op b} for one of {@code == != < <= > >=}. */
    static boolean test(Meter meter, String op, Object a, Object b) {
        return switch (op) {
            case "==" -> equal(meter, a, b);
            case "!=" -> !equal(meter, a, b);
            default -> ordered(meter, op, a, b);
        };
    }

    private static boolean ordered(Meter meter, String op, Object a, Object b) {
        if (a instanceof Undefined u) {
            throw u.failure();
        }
        if (b instanceof Undefined u) {
            throw u.failure();
        }
        Integer order;
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            order = Numbers.compare(a, b);
        } else if (Values.isText(a) && Values.isText(b)) {
            order = Text.compare(Values.text(a), Values.text(b));
        } else if (a instanceof Tuple t && b instanceof Tuple u) {
            return orderedElements(meter, op, t.items(), u.items());
        } else if (a instanceof List<?> l && b instanceof List<?> m && !(a instanceof Range) && !(b instanceof Range)) {
            return orderedElements(meter, op, l, m);
        } else {
            throw Failure.of("'" + op + "' not supported between instances of '" + Values.typeName(a) + "' and '"
                    + Values.typeName(b) + "'");
        }
        return order != null && fits(op, order);
    }

    private static boolean orderedElements(Meter meter, String op, List<?> a, List<?> b) {
        int n = Math.min(a.size(), b.size());
        for (int i = 0; i < n; i++) {
            meter.step();
            if (!equal(meter, a.get(i), b.get(i))) {
                return ordered(meter, op, a.get(i), b.get(i));
            }
        }
        return fits(op, Integer.compare(a.size(), b.size()));
    }

    private static boolean fits(String op, int order) {
        return switch (op) {
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            default -> order >= 0;
        };
    }

    /** Order for sorting: what {@code <} says, both ways round. */
    static int order(Meter meter, Object a, Object b) {
        meter.step();
        return ordered(meter, "<", a, b) ? -1 : ordered(meter, "<", b, a) ? 1 : 0;
    }

    /** Evaluates {@code item in container}. */
    static boolean contains(Meter meter, Object container, Object item) {
        if (Values.isText(container)) {
            if (!Values.isText(item)) {
                throw Failure.of("'in <string>' requires string as left operand, not " + Values.typeName(item));
            }
            meter.charge(Values.text(container).length() >> 6);
            return Values.text(container).contains(Values.text(item));
        }
        if (container instanceof Dict d) {
            return d.get(meter, item) != Values.ABSENT;
        }
        if (!Values.isIterable(container) || container instanceof LoopContext) {
            throw Failure.of("argument of type '" + Values.typeName(container) + "' is not iterable");
        }
        for (Iterator<Object> it = Values.iterate(meter, container); it.hasNext();) {
            if (equal(meter, it.next(), item)) {
                return true;
            }
        }
        return false;
    }

    /** Python's {@code is} for values that have one instance each, and for the very same object. */
    static boolean same(Object a, Object b) {
        return a == b || a != null && b != null && a.getClass() == b.getClass()
                && (a instanceof Boolean || a instanceof Long || a instanceof String) && Objects.equals(a, b);
    }
}
