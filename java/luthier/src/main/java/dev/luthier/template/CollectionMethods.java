package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The methods of lists, tuples and dicts. Those that would change their object are withheld, as in the reference. */
final class CollectionMethods {
    private static final Set<String> LIST_CHANGERS =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
    private static final Set<String> DICT_CHANGERS = Set.of("clear", "pop", "popitem", "setdefault", "update");

    /** A method of an object of type {@code T}. */
    @FunctionalInterface
    private interface Method<T> {
        Object call(Rendering r, T self, Arguments arguments);
    }

    private static final Map<String, Method<List<?>>> SEQUENCE = Map.of(
            "index", CollectionMethods::index,
            "count", (r, self, a) -> {
                Object wanted = a.bind("count", 1, "value").get(0);
                return self.stream().filter(x -> equal(r, x, wanted)).count();
            });

    private static final Map<String, Method<Dict>> DICT = Map.of(
            "items", (r, self, a) -> DictView.items(self),
            "keys", (r, self, a) -> DictView.keys(self),
            "values", (r, self, a) -> DictView.values(self),
            "copy", (r, self, a) -> self,
            "get", (r, self, a) -> {
                Arguments.Bound b = a.bind("get", 1, "key", "default");
                Object found = self.get(r.meter(), b.get(0));
                return found == Values.ABSENT ? b.get(1) : found;
            });

    private CollectionMethods() { }

    private static boolean equal(Rendering r, Object a, Object b) {
        r.meter().step();
        return Comparison.equal(r.meter(), a, b);
    }

    private static Object index(Rendering r, List<?> self, Arguments a) {
        Arguments.Bound b = a.bind("index", 1, "value", "start", "stop");
        long start = b.integer(1, 0);
        long stop = b.integer(2, Long.MAX_VALUE);
        long from = Math.max(0, start < 0 ? start + self.size() : start);
        long to = Math.min(self.size(), stop < 0 ? stop + self.size() : stop);
        for (long i = from; i < to; i++) {
            if (equal(r, self.get((int) i), b.get(0))) {
                return i;
            }
        }
        throw Failure.of(PythonText.repr(r.meter(), b.get(0)) + " is not in list");
    }

    static Object bind(Dict self, String name) {
        return DICT_CHANGERS.contains(name) ? Undefined.unsafe(self, name) : bind(DICT.get(name), self);
    }

    static Object bind(List<?> self, String name) {
        if (name.equals("copy")) {
            return (Callable) (r, a) -> new ArrayList<>(self);
        }
        return LIST_CHANGERS.contains(name) ? Undefined.unsafe(self, name) : bind(SEQUENCE.get(name), self);
    }

    static Object bind(Tuple self, String name) {
        return bind(SEQUENCE.get(name), self.items());
    }

    static Object property(Range self, String name) {
        return switch (name) {
            case "start" -> self.start;
            case "stop" -> self.stop;
            case "step" -> self.step;
            default -> bind(SEQUENCE.get(name), self);
        };
    }

    private static <T> Object bind(Method<? super T> method, T self) {
        return method == null ? Values.ABSENT : (Callable) (r, arguments) -> {
            if (!arguments.keyword().isEmpty()) {
                throw Failure.of("this method of " + Values.typeName(self) + " takes no keyword arguments");
            }
            return method.call(r, self, arguments);
        };
    }
}
