package dev.luthier.template;

import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.function.Predicate;

/** Filters that take elements one by one and give them, or what they make of them, as a generator. */
final class ChoiceFilters {
    private ChoiceFilters() { }

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("map", ChoiceFilters::map);
        all.put("select", (r, v, a) -> choose(r, v, a, true, false));
        all.put("reject", (r, v, a) -> choose(r, v, a, false, false));
        all.put("selectattr", (r, v, a) -> choose(r, v, a, true, true));
        all.put("rejectattr", (r, v, a) -> choose(r, v, a, false, true));
        all.put("unique", ChoiceFilters::unique);
        all.put("items", (r, v, a) -> Lazy.generator(() -> {
            if (v instanceof Undefined) {
                return java.util.Collections.emptyIterator();
            }
            if (!(v instanceof Dict d)) {
                throw Failure.of("can only get item pairs from a mapping, found " + Values.typeName(v));
            }
            return Values.iterate(r.meter(), DictView.items(d));
        }));
    }

    /** The elements of a value; none where the value is false, whatever it is. */
    private static Iterator<Object> elements(Rendering r, Object v) {
        return Values.truth(v) ? Values.iterate(r.meter(), v) : java.util.Collections.emptyIterator();
    }

    private static Object map(Rendering r, Object v, Arguments a) {
        return Lazy.generator(() -> {
            Function<Object, Object> change = mapping(r, a);
            Iterator<Object> it = elements(r, v);
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return it.hasNext();
                }

                @Override
                public Object next() {
                    return change.apply(it.next());
                }
            };
        });
    }

    private static Function<Object, Object> mapping(Rendering r, Arguments a) {
        if (a.positional().isEmpty() && a.keyword().containsKey("attribute")) {
            Arguments.Bound b = a.bind("map", 0, "attribute", "default");
            return new AttributeGetter(r, b.get(0), b.get(1), false)::of;
        }
        if (a.positional().isEmpty()) {
            throw Failure.of("map wants the name of a filter or an attribute");
        }
        String name = Values.requireText(a.positional().get(0), "the name of a filter");
        Arguments rest = a.skip(1);
        return element -> Filters.apply(r, name, element, rest);
    }

    private static Object choose(Rendering r, Object v, Arguments a, boolean wanted, boolean byAttribute) {
        return Lazy.generator(() -> {
            if (byAttribute && a.positional().isEmpty()) {
                throw Failure.of("missing parameter for attribute name");
            }
            Function<Object, Object> subject = byAttribute
                    ? new AttributeGetter(r, a.positional().get(0), null, false)::of : Function.identity();
            Arguments rest = a.skip(byAttribute ? 1 : 0);
            Predicate<Object> test = Values::truth;
            if (!rest.positional().isEmpty()) {
                String name = Values.requireText(rest.positional().get(0), "the name of a test");
                Arguments arguments = rest.skip(1);
                test = element -> Predicates.test(r, name, element, arguments);
            }
            Predicate<Object> holds = test;
            return new Chosen(elements(r, v), element -> holds.test(subject.apply(element)) == wanted);
        });
    }

    private static Object unique(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("unique", 0, "case_sensitive", "attribute");
        AttributeGetter getter = new AttributeGetter(r, b.get(1), null, !b.flag(0, false));
        return Lazy.generator(() -> {
            Dict seen = new Dict();
            return new Chosen(Values.iterate(r.meter(), v), element -> {
                int before = seen.size();
                seen.put(r.meter(), getter.of(element), null);
                return seen.size() > before;
            });
        });
    }

    /** Those elements that pass a test, looked for when asked. */
    private static final class Chosen implements Iterator<Object> {
        private final Iterator<Object> elements;
        private final Predicate<Object> test;
        private Object next;
        private boolean ready;

        Chosen(Iterator<Object> elements, Predicate<Object> test) {
            this.elements = elements;
            this.test = test;
        }

        @Override
        public boolean hasNext() {
            while (!ready && elements.hasNext()) {
                next = elements.next();
                ready = test.test(next);
            }
            return ready;
        }

        @Override
        public Object next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            ready = false;
            return next;
        }
    }
}
