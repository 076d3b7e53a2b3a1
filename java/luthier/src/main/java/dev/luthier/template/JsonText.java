package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;

/** Python's {@code json.dumps}, which the {@code tojson} filter of chat templates is. */
final class JsonText {
    private final Meter meter;
    private final boolean ascii;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final StringBuilder out = new StringBuilder();

    /**
     * Settles the layout.
     *
     * @param indent what one level is indented by, or null for a single line
     */
    JsonText(Meter meter, boolean ascii, String indent, String itemSeparator, String keySeparator, boolean sortKeys) {
        this.meter = meter;
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    String of(Object v) {
        write(v, 1);
        return meter.made(out.toString());
    }

    private void write(Object v, int depth) {
        meter.step();
        meter.fits(out.length());
        switch (v) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case String s -> quote(s);
            case Markup m -> quote(m.text());
            case Double d -> out.append(number(d));
            case Number n -> out.append(n);
            case Range r -> throw refused(v);
            case List<?> l -> array(l, depth);
            case Tuple t -> array(t.items(), depth);
            case Dict d -> object(d, depth);
            default -> throw refused(v);
        }
    }

    private static Failure refused(Object v) {
        return Failure.of("Object of type " + Values.typeName(v) + " is not JSON serializable");
    }

    private static String number(double d) {
        if (Double.isNaN(d)) {
            return "NaN";
        }
        return Double.isInfinite(d) ? d > 0 ? "Infinity" : "-Infinity" : PythonText.of(d);
    }

    private void array(List<?> elements, int depth) {
        if (elements.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        boolean first = true;
        for (Object element : elements) {
            separate(first, depth);
            first = false;
            write(element, depth + 1);
        }
        newline(depth - 1);
        out.append(']');
    }

    private void object(Dict dict, int depth) {
        if (dict.size() == 0) {
            out.append("{}");
            return;
        }
        List<Integer> order = new ArrayList<>(dict.size());
        for (int i = 0; i < dict.size(); i++) {
            order.add(i);
        }
        if (sortKeys) {
            order.sort((a, b) -> Comparison.order(meter, dict.keys().get(a), dict.keys().get(b)));
        }
        out.append('{');
        boolean first = true;
        for (int i : order) {
            separate(first, depth);
            first = false;
            quote(key(dict.keys().get(i)));
            out.append(keySeparator);
            write(dict.values().get(i), depth + 1);
        }
        newline(depth - 1);
        out.append('}');
    }

    private static String key(Object key) {
        return switch (key) {
            case null -> "null";
            case String s -> s;
            case Markup m -> m.text();
            case Boolean b -> b.toString();
            case Double d -> number(d);
            case Number n -> n.toString();
            default -> throw Failure.of("keys must be str, int, float, bool or None, not " + Values.typeName(key));
        };
    }

    private void separate(boolean first, int depth) {
        out.append(first ? "" : itemSeparator);
        newline(depth);
    }

    private void newline(int depth) {
        if (indent != null) {
            meter.fits(out.length() + (long) indent.length() * depth);
            out.append('\n').repeat(indent, depth);
        }
    }

    private void quote(String s) {
        meter.charge(s.length() >> 4);
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < ' ' || ascii && c > '~') {
                        out.append("\\u").append(String.format("%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
