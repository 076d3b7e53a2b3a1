package dev.luthier.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Filters that work on all elements of a sequence at once. */
final class SequenceFilters {
    private SequenceFilters() { }

    static void addTo(Map<String, Filters.Filter> all) {
        Filters.Filter length = (r, v, a) -> {
            a.bind("length", 0);
            return Values.length(v);
        };
        all.put("length", length);
        all.put("count", length);
        all.put("list", (r, v, a) -> Values.list(r.meter(), v));
        all.put("first", (r, v, a) -> {
            Iterator<Object> it = Values.iterate(r.meter(), v);
            return it.hasNext() ? it.next() : Undefined.because("No first item, sequence was empty.");
        });
        all.put("last", (r, v, a) -> {
            if (v instanceof Lazy lazy) {
                throw Failure.of("'" + lazy.type + "' object is not reversible");
            }
            List<Object> elements = Values.list(r.meter(), v);
            return elements.isEmpty() ? Undefined.because("No last item, sequence was empty.") : elements.getLast();
        });
        all.put("reverse", SequenceFilters::reverse);
        all.put("join", SequenceFilters::join);
        all.put("sum", SequenceFilters::sum);
        all.put("min", (r, v, a) -> extreme(r, v, a, "min", -1));
        all.put("max", (r, v, a) -> extreme(r, v, a, "max", 1));
        all.put("sort", SequenceFilters::sort);
        all.put("dictsort", SequenceFilters::dictSort);
        all.put("groupby", SequenceFilters::groupBy);
        all.put("batch", SequenceFilters::batch);
        all.put("slice", SequenceFilters::slice);
    }

    private static Object reverse(Rendering r, Object v, Arguments a) {
        if (Values.isText(v)) {
            String text = r.meter().made(new StringBuilder(Values.text(v)).reverse().toString());
            return v instanceof Markup ? new Markup(text) : text;
        }
        List<Object> elements = Values.list(r.meter(), v);
        Collections.reverse(elements);
        return v instanceof Lazy ? elements : new Lazy(Values.typeName(v) + "_reverseiterator", elements::iterator);
    }

    private static String join(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("join", 0, "d", "attribute");
        Meter meter = r.meter();
        String separator = PythonText.str(meter, b.get(0, ""));
        AttributeGetter getter = new AttributeGetter(r, b.get(1), null, false);
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (Iterator<Object> it = Values.iterate(meter, v); it.hasNext(); first = false) {
            out.append(first ? "" : separator).append(PythonText.str(meter, getter.of(it.next())));
            meter.fits(out.length());
        }
        return meter.made(out.toString());
    }

    private static Object sum(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("sum", 0, "attribute", "start");
        AttributeGetter getter = new AttributeGetter(r, b.get(0), null, false);
        Object sum = b.get(1, 0L);
        if (Values.isText(sum)) {
            throw Failure.of("sum cannot add strings; use the filter join");
        }
        for (Iterator<Object> it = Values.iterate(r.meter(), v); it.hasNext();) {
            sum = Arithmetic.binary(r, "+", sum, getter.of(it.next()));
        }
        return sum;
    }

    private static Object extreme(Rendering r, Object v, Arguments a, String name, int sign) {
        Arguments.Bound b = a.bind(name, 0, "case_sensitive", "attribute");
        AttributeGetter getter = new AttributeGetter(r, b.get(1), null, !b.flag(0, false));
        Iterator<Object> it = Values.iterate(r.meter(), v);
        if (!it.hasNext()) {
            return Undefined.because("No aggregated item, sequence was empty.");
        }
        Object best = it.next();
        Object bestKey = getter.of(best);
        while (it.hasNext()) {
            Object next = it.next();
            Object key = getter.of(next);
            if (Comparison.order(r.meter(), key, bestKey) == sign) {
                best = next;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sort(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("sort", 0, "reverse", "case_sensitive", "attribute");
        boolean ignoreCase = !b.flag(1, false);
        List<AttributeGetter> getters = new ArrayList<>();
        if (Values.isText(b.get(2))) {
            for (String one : Values.text(b.get(2)).split(",", -1)) {
                getters.add(new AttributeGetter(r, one, null, ignoreCase));
            }
        } else {
            getters.add(new AttributeGetter(r, b.get(2), null, ignoreCase));
        }
        return sorted(r, Values.list(r.meter(), v), b.flag(0, false), element -> {
            List<Object> key = new ArrayList<>();
            getters.forEach(getter -> key.add(getter.of(element)));
            return key;
        });
    }

    /** Sorts by keys; equal ones keep their order, also in reverse. */
    private static List<Object> sorted(Rendering r, List<Object> elements, boolean reverse,
            Function<Object, Object> key) {
        record Keyed(Object key, Object element) { }
        List<Keyed> keyed = new ArrayList<>();
        elements.forEach(element -> keyed.add(new Keyed(key.apply(element), element)));
        try {
            keyed.sort((x, y) -> reverse ? Comparison.order(r.meter(), y.key(), x.key())
                    : Comparison.order(r.meter(), x.key(), y.key()));
        } catch (IllegalArgumentException e) {
            throw Failure.of("the elements cannot be put in order: is a NaN among them?");
        }
        List<Object> sorted = new ArrayList<>();
        keyed.forEach(k -> sorted.add(k.element()));
        return sorted;
    }

    private static Object dictSort(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("dictsort", 0, "case_sensitive", "by", "reverse");
        String by = b.text(1, "key");
        if (!by.equals("key") && !by.equals("value")) {
            throw Failure.of("dictsort sorts by 'key' or 'value', not '" + by + "'");
        }
        if (v instanceof Undefined u) {
            throw u.failure();
        }
        if (!(v instanceof Dict d)) {
            throw Failure.of("dictsort wants a mapping, found " + Values.typeName(v));
        }
        AttributeGetter getter = new AttributeGetter(r, by.equals("key") ? 0L : 1L, null, !b.flag(0, false));
        return sorted(r, Values.list(r.meter(), DictView.items(d)), b.flag(2, false), getter::of);
    }

    private static Object groupBy(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("groupby", 1, "attribute", "default", "case_sensitive");
        boolean ignoreCase = !b.flag(2, false);
        AttributeGetter getter = new AttributeGetter(r, b.get(0), b.get(1), ignoreCase);
        AttributeGetter shown = new AttributeGetter(r, b.get(0), b.get(1), false);
        List<Object> groups = new ArrayList<>();
        List<Object> group = null;
        Object last = null;
        for (Object element : sorted(r, Values.list(r.meter(), v), false, getter::of)) {
            Object key = getter.of(element);
            if (group == null || !Comparison.equal(r.meter(), key, last)) {
                group = new ArrayList<>();
                groups.add(new Tuple(java.util.Arrays.asList(shown.of(element), group), List.of("grouper", "list")));
                last = key;
            }
            group.add(element);
        }
        return groups;
    }

    private static Object batch(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("batch", 1, "linecount", "fill_with");
        long size = b.integer(0, 0);
        return Lazy.generator(() -> {
            List<Object> batches = new ArrayList<>();
            List<Object> batch = new ArrayList<>();
            for (Object element : Values.list(r.meter(), v)) {
                if (batch.size() == size) {
                    batches.add(batch);
                    batch = new ArrayList<>();
                }
                batch.add(element);
            }
            if (!batch.isEmpty()) {
                fill(r.meter(), batch, b.get(1) == null ? 0 : size, b.get(1));
                batches.add(batch);
            }
            return batches.iterator();
        });
    }

    private static void fill(Meter meter, List<Object> list, long size, Object with) {
        while (list.size() < size) {
            meter.elements(1);
            list.add(with);
        }
    }

    private static Object slice(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("slice", 1, "slices", "fill_with");
        long slices = b.integer(0, 0);
        return Lazy.generator(() -> {
            List<Object> all = Values.list(r.meter(), v);
            if (slices == 0) {
                throw Failure.of("integer division or modulo by zero");
            }
            List<Object> made = new ArrayList<>();
            long each = Math.floorDiv(all.size(), slices);
            long longer = Math.floorMod(all.size(), slices);
            int start = 0;
            for (long i = 0; i < slices; i++) {
                r.meter().elements(1);
                int end = (int) (start + each + (i < longer ? 1 : 0));
                List<Object> one = new ArrayList<>(all.subList(start, end));
                if (b.get(1) != null && i >= longer) {
                    one.add(b.get(1));
                }
                made.add(one);
                start = end;
            }
            return made.iterator();
        });
    }
}
