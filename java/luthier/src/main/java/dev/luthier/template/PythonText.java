package dev.luthier.template;

import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's {@code str()} and {@code repr()}. */
final class PythonText {
    private PythonText() { }

    /** The text that a value prints as. */
    static String str(Meter meter, Object v) {
        return switch (v) {
            case String s -> s;
            case Markup m -> m.text();
            case Undefined u -> "";
            case null, default -> repr(meter, v);
        };
    }

    /** The text that a value has inside a printed list. */
    static String repr(Meter meter, Object v) {
        StringBuilder out = new StringBuilder();
        repr(meter, v, out);
        meter.text(out.length());
        return out.toString();
    }

    private static void repr(Meter meter, Object v, StringBuilder out) {
        meter.step();
        meter.fits(out.length());
        switch (v) {
            case null -> out.append("None");
            case Boolean b -> out.append(b ? "True" : "False");
            case Double d -> out.append(of(d));
            case String s -> quote(s, out);
            case Markup m -> {
                out.append("Markup(");
                quote(m.text(), out);
                out.append(')');
            }
            case Range r -> out.append(r);
            case List<?> l -> elements(meter, "[", l.iterator(), "]", out);
            case Tuple t -> elements(meter, "(", t.items().iterator(), t.items().size() == 1 ? ",)" : ")", out);
            case Dict d -> {
                out.append('{');
                for (int i = 0; i < d.size(); i++) {
                    out.append(i == 0 ? "" : ", ");
                    repr(meter, d.keys().get(i), out);
                    out.append(": ");
                    repr(meter, d.values().get(i), out);
                }
                out.append('}');
            }
            case DictView view ->
                    elements(meter, view.type() + "([", view.elements().iterator(), "])", out);
            case Namespace n -> {
                Dict attributes = new Dict();
                for (Map.Entry<String, Object> e : n.attributes().entrySet()) {
                    attributes.put(meter, e.getKey(), e.getValue());
                }
                out.append("<Namespace ");
                repr(meter, attributes, out);
                out.append('>');
            }
            case Macro m -> out.append("<Macro '").append(m.name()).append("'>");
            case LoopContext loop ->
                    out.append("<LoopContext ").append(loop.index()).append('/').append(loop.length()).append('>');
            case Number n -> out.append(n);
            case Undefined u -> out.append(u);
            default -> out.append('<').append(Values.typeName(v)).append(" object>");
        }
    }

    private static void elements(Meter meter, String open, Iterator<?> it, String close, StringBuilder out) {
        out.append(open);
        for (boolean first = true; it.hasNext(); first = false) {
            out.append(first ? "" : ", ");
            repr(meter, it.next(), out);
        }
        out.append(close);
    }

    /** Quotes a string: single quotes unless only double ones avoid an escape. */
    private static void quote(String s, StringBuilder out) {
        char mark = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        out.append(mark);
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == mark) {
                        out.append('\\').append(mark);
                    } else if (isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        out.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
                    }
                }
            }
        }
        out.append(mark);
    }

    /** Python's {@code str.isprintable} for one code point. */
    static boolean isPrintable(int c) {
        return c == ' ' || switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** The shortest text that reads back as this float, in Python's spelling. */
    static String of(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        String sign = d < 0 || d == 0 && 1 / d < 0 ? "-" : "";
        if (d == 0) {
            return sign + "0.0";
        }
        BigDecimal shortest = new BigDecimal(Double.toString(Math.abs(d))).stripTrailingZeros();
        String digits = shortest.unscaledValue().toString();
        int point = digits.length() - shortest.scale();
        if (point <= -4 || point > 16) {
            String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
            int exponent = point - 1;
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+")
                    + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
        }
        if (point <= 0) {
            return sign + "0." + "0".repeat(-point) + digits;
        }
        if (point >= digits.length()) {
            return sign + digits + "0".repeat(point - digits.length()) + ".0";
        }
        return sign + digits.substring(0, point) + "." + digits.substring(point);
    }
}
