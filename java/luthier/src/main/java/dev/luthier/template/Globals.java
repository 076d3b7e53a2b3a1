package dev.luthier.template;

import java.util.List;
import java.util.Map;

/** The functions that every template can call by name, unless a variable hides them. */
final class Globals {
    static final Map<String, Callable> ALL = Map.of(
            "range", Globals::range,
            "dict", Globals::dict,
            "namespace", Globals::namespace,
            "cycler", (r, a) -> {
                requireNoKeywords("cycler", a);
                return new Cycler(a.positional());
            },
            "joiner", Globals::joiner,
            "raise_exception", (r, a) -> {
                throw Failure.raised(PythonText.str(r.meter(), a.bind("raise_exception", 1, "message").get(0)));
            },
            "strftime_now", (r, a) ->
                    Strftime.format(a.bind("strftime_now", 1, "format").text(0, null), r.now()));

    private Globals() { }

    private static void requireNoKeywords(String function, Arguments a) {
        if (!a.keyword().isEmpty()) {
            throw Failure.of(function + "() takes no keyword arguments");
        }
    }

    private static Object range(Rendering r, Arguments a) {
        requireNoKeywords("range", a);
        Arguments.Bound b = a.bind("range", 1, "start", "stop", "step");
        long first = b.integer(0, 0);
        long second = b.integer(1, 0);
        long step = b.integer(2, 1);
        int longest = r.meter().limits().range();
        return b.has(1) ? new Range(first, second, step, longest) : new Range(0, first, step, longest);
    }

    private static Dict dict(Rendering r, Arguments a) {
        Meter meter = r.meter();
        Dict made = new Dict();
        if (a.positional().size() > 1) {
            throw Failure.of("dict expected at most 1 argument, got " + a.positional().size());
        }
        for (Object source : a.positional()) {
            if (source instanceof Undefined u) {
                throw u.failure();
            }
            if (source instanceof Dict d) {
                for (int i = 0; i < d.size(); i++) {
                    made.put(meter, d.keys().get(i), d.values().get(i));
                }
            } else {
                for (Object pair : Values.list(meter, source)) {
                    List<Object> parts = Values.list(meter, pair);
                    if (parts.size() != 2) {
                        throw Failure.of("a dictionary update sequence element has length " + parts.size()
                                + "; 2 is required");
                    }
                    made.put(meter, parts.get(0), parts.get(1));
                }
            }
        }
        a.keyword().forEach((name, value) -> made.put(meter, name, value));
        return made;
    }

    private static Namespace namespace(Rendering r, Arguments a) {
        Dict attributes = dict(r, a);
        Namespace made = new Namespace();
        for (int i = 0; i < attributes.size(); i++) {
            made.attributes().put(PythonText.str(r.meter(), attributes.keys().get(i)), attributes.values().get(i));
        }
        return made;
    }

    private static Callable joiner(Rendering r, Arguments a) {
        Object separator = a.bind("joiner", 0, "sep").get(0, ", ");
        boolean[] used = new boolean[1];
        return (inner, none) -> {
            Object now = used[0] ? separator : "";
            used[0] = true;
            return now;
        };
    }
}
