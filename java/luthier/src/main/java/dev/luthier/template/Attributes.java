package dev.luthier.template;

import java.math.BigInteger;
import java.util.List;
import java.util.Set;

/**
 * {@code x.name} and {@code x[key]}. The dot looks for a method or property first and an element second, the brackets
 * the other way round; what neither finds is undefined.
 */
final class Attributes {
    private static final Set<String> INTERNAL = Set.of("__add__", "__class__", "__contains__", "__delattr__", "__dir__",
            "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__", "__getitem__", "__gt__", "__hash__",
            "__init__", "__init_subclass__", "__iter__", "__le__", "__len__", "__lt__", "__mod__", "__mul__", "__ne__",
            "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__",
            "__subclasshook__");

    private Attributes() { }

    static Object attribute(Rendering r, Object target, String name) {
        Object member = member(r, target, name);
        if (member != Values.ABSENT) {
            return member;
        }
        Object element = target instanceof Dict d ? d.get(r.meter(), name) : Values.ABSENT;
        return element == Values.ABSENT ? Undefined.member(target, name) : element;
    }

    static Object item(Rendering r, Object target, Object key) {
        Object element = element(r, target, key);
        if (element != Values.ABSENT) {
            return element;
        }
        Object member = Values.isText(key) ? member(r, target, Values.text(key)) : Values.ABSENT;
        return member == Values.ABSENT ? Undefined.member(target, key) : member;
    }

    private static Object element(Rendering r, Object target, Object key) {
        switch (target) {
            case Undefined u -> throw u.failure();
            case Dict d -> {
                return Dict.isHashable(r.meter(), key) ? d.get(r.meter(), key) : Values.ABSENT;
            }
            case null, default -> { }
        }
        Long index = Numbers.index(key);
        if (index == null) {
            return Values.ABSENT;
        }
        return switch (target) {
            case String s -> character(s, index);
            case Markup m -> character(m.text(), index);
            case List<?> l -> at(l, index);
            case Tuple t -> at(t.items(), index);
            case null, default -> Values.ABSENT;
        };
    }

    private static Object at(List<?> list, long index) {
        long at = index < 0 ? index + list.size() : index;
        return at >= 0 && at < list.size() ? list.get((int) at) : Values.ABSENT;
    }

    private static Object character(String s, long index) {
        int length = Text.length(s);
        long at = index < 0 ? index + length : index;
        return at >= 0 && at < length ? Character.toString(s.codePointAt(Text.unit(s, (int) at))) : Values.ABSENT;
    }

    /** The method or property of this name, or {@link Values#ABSENT}. */
    static Object member(Rendering r, Object target, String name) {
        if (target instanceof Namespace n) {
            return n.attributes().getOrDefault(name, Values.ABSENT);
        }
        if (target instanceof Undefined u) {
            throw u.failure();
        }
        if (INTERNAL.contains(name)) {
            return Undefined.unsafe(target, name);
        }
        return switch (target) {
            case null -> Values.ABSENT;
            case String s -> StringMethods.bind(s, name);
            case Markup m -> StringMethods.bind(m, name);
            case Dict d -> CollectionMethods.bind(d, name);
            case Range range -> CollectionMethods.property(range, name);
            case List<?> l -> CollectionMethods.bind(l, name);
            case Tuple t -> t.names().contains(name) ? t.items().get(t.names().indexOf(name))
                    : CollectionMethods.bind(t, name);
            case LoopContext loop -> loop.attribute(r.meter(), name);
            case Cycler c -> c.attribute(name);
            case Macro m -> name.equals("name") ? m.name() : Values.ABSENT;
            case Double d -> number(d, name);
            case Long n -> number(n, name);
            case BigInteger n -> number(n, name);
            default -> Values.ABSENT;
        };
    }

    private static Object number(Object n, String name) {
        return switch (name) {
            case "real" -> n;
            case "imag" -> n instanceof Double ? (Object) 0.0 : (Object) 0L;
            case "is_integer" -> n instanceof Double d
                    ? (Callable) (r, arguments) -> Double.isFinite(d) && d == Math.rint(d) : Values.ABSENT;
            case "bit_length" -> n instanceof Double ? Values.ABSENT
                    : (Callable) (r, arguments) -> (long) Numbers.big(n).abs().bitLength();
            default -> Values.ABSENT;
        };
    }
}
