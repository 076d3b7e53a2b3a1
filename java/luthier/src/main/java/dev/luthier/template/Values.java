package dev.luthier.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * What templates compute with: null (Python's None), Boolean, Long, BigInteger, Double, String, {@link Markup}, List,
 * {@link Tuple}, {@link Dict}, {@link Range}, {@link DictView}, {@link Lazy}, {@link Undefined}, {@link Namespace},
 * {@link LoopContext}, {@link Cycler} and {@link Callable}.
 */
final class Values {
    /** Stands for "there is none" where null would be a value. */
    static final Object ABSENT = new Object();

    private static final int MAX_INPUT_DEPTH = 200;

    private Values() { }

    /** Copies a variable handed in by the caller; the copy is what makes rendering thread-safe. */
    static Object fromJava(Meter meter, Object v, String place, int depth) {
        if (depth > MAX_INPUT_DEPTH) {
            throw Failure.input("template variable " + place + " nests more than " + MAX_INPUT_DEPTH + " deep");
        }
        return switch (v) {
            case null -> null;
            case Boolean b -> b;
            case CharSequence s -> s.toString();
            case Character c -> c.toString();
            case Long n -> n;
            case Integer n -> n.longValue();
            case Short n -> n.longValue();
            case Byte n -> n.longValue();
            case BigInteger n -> Numbers.shrink(n);
            case Double n -> n;
            case Float n -> n.doubleValue();
            case BigDecimal n -> n.doubleValue();
            case Map<?, ?> map -> {
                Dict dict = new Dict();
                for (Map.Entry<?, ?> e : map.entrySet()) {
                    Object key = fromJava(meter, e.getKey(), "a key of " + place, depth + 1);
                    dict.put(meter, key, fromJava(meter, e.getValue(), place + "." + e.getKey(), depth + 1));
                }
                yield dict;
            }
            case Collection<?> all -> {
                List<Object> list = new ArrayList<>(all.size());
                meter.elements(all.size());
                for (Object element : all) {
                    list.add(fromJava(meter, element, place + "[" + list.size() + "]", depth + 1));
                }
                yield list;
            }
            default -> throw Failure.input("template variable " + place + " is a " + v.getClass().getName()
                    + "; give a Map, a Collection, a CharSequence, a Number, a Boolean or null");
        };
    }

    static boolean isText(Object v) {
        return v instanceof String || v instanceof Markup;
    }

    /** The characters of a value for which {@link #isText} holds. */
    static String text(Object v) {
        return v instanceof Markup m ? m.text() : (String) v;
    }

    /** The text of a value that must be a string. */
    static String requireText(Object v, String user) {
        if (v instanceof Undefined u) {
            throw u.failure();
        }
        if (!isText(v)) {
            throw Failure.of(user + " wants a string, found " + typeName(v));
        }
        return text(v);
    }

    static boolean truth(Object v) {
        return switch (v) {
            case null -> false;
            case Boolean b -> b;
            case Long n -> n != 0;
            case BigInteger n -> n.signum() != 0;
            case Double n -> n != 0;
            case String s -> !s.isEmpty();
            case Markup m -> !m.text().isEmpty();
            case List<?> l -> !l.isEmpty();
            case Tuple t -> !t.items().isEmpty();
            case Dict d -> d.size() > 0;
            case DictView view -> !view.elements().isEmpty();
            case Undefined u -> false;
            default -> true;
        };
    }

    /** Python's {@code len}, or -1 where the value has none. */
    static long lengthOrNone(Object v) {
        return switch (v) {
            case null -> -1;
            case String s -> Text.length(s);
            case Markup m -> Text.length(m.text());
            case List<?> l -> l.size();
            case Tuple t -> t.items().size();
            case Dict d -> d.size();
            case DictView view -> view.elements().size();
            case Undefined u -> 0;
            case LoopContext loop -> loop.length();
            default -> -1;
        };
    }

    static long length(Object v) {
        long length = lengthOrNone(v);
        if (length < 0) {
            throw Failure.of("object of type '" + typeName(v) + "' has no len()");
        }
        return length;
    }

    static boolean isIterable(Object v) {
        return isText(v) || v instanceof List || v instanceof Tuple || v instanceof Dict || v instanceof DictView
                || v instanceof Lazy || v instanceof Undefined || v instanceof LoopContext;
    }

    /** Walks a value as a {@code for} loop does; every element is counted. */
    static Iterator<Object> iterate(Meter meter, Object v) {
        Iterator<Object> plain = switch (v) {
            case String s -> characters(s);
            case Markup m -> characters(m.text());
            case List<?> l -> objects(l).iterator();
            case Tuple t -> t.items().iterator();
            case Dict d -> d.keys().iterator();
            case DictView view -> view.elements().iterator();
            case Lazy lazy -> lazy;
            case Undefined u -> List.of().iterator();
            case null, default -> throw Failure.of("'" + typeName(v) + "' object is not iterable");
        };
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return plain.hasNext();
            }

            @Override
            public Object next() {
                meter.step();
                return plain.next();
            }
        };
    }

    /** Collects all elements of a value into a new list. */
    static List<Object> list(Meter meter, Object v) {
        List<Object> list = new ArrayList<>();
        iterate(meter, v).forEachRemaining(list::add);
        return list;
    }

    @SuppressWarnings("unchecked")
    static List<Object> objects(List<?> list) {
        return (List<Object>) list;
    }

    private static Iterator<Object> characters(String s) {
        return new Iterator<>() {
            private int at;

            @Override
            public boolean hasNext() {
                return at < s.length();
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                int c = s.codePointAt(at);
                at += Character.charCount(c);
                return Character.toString(c);
            }
        };
    }

    /** What Python calls the type of a value. */
    static String typeName(Object v) {
        return switch (v) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Long n -> "int";
            case BigInteger n -> "int";
            case Double n -> "float";
            case String s -> "str";
            case Markup m -> "Markup";
            case Range r -> "range";
            case List<?> l -> "list";
            case Tuple t -> "tuple";
            case Dict d -> "dict";
            case DictView view -> view.type();
            case Lazy lazy -> lazy.type;
            case Undefined u -> "Undefined";
            case Namespace n -> "Namespace";
            case LoopContext l -> "LoopContext";
            case Cycler c -> "Cycler";
            case Macro m -> "Macro";
            case Callable c -> "function";
            default -> v.getClass().getSimpleName();
        };
    }
}
