package dev.luthier.template;

import java.util.List;

/** Python's {@code text % values}. */
final class PercentFormat {
    private final Rendering rendering;
    private final String format;
    private final Object values;
    private final List<Object> list;
    private final boolean escape;
    private int used;
    private int at;

    private PercentFormat(Rendering rendering, String format, Object values, boolean escape) {
        this.rendering = rendering;
        this.format = format;
        this.values = values;
        this.list = values instanceof Tuple t ? t.items() : java.util.Collections.singletonList(values);
        this.escape = escape;
    }

    static String format(Rendering rendering, String format, Object values, boolean escape) {
        return new PercentFormat(rendering, format, values, escape).run();
    }

    private String run() {
        StringBuilder out = new StringBuilder();
        boolean named = false;
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c != '%') {
                out.append(c);
                continue;
            }
            String key = null;
            if (peek() == '(') {
                int close = format.indexOf(')', at);
                if (close < 0) {
                    throw Failure.of("incomplete format key");
                }
                key = format.substring(at + 1, close);
                at = close + 1;
                named = true;
            }
            out.append(conversion(key));
            rendering.meter().fits(out.length());
        }
        boolean mapping = values instanceof Dict || values instanceof List;
        if (!named && !mapping && !(values instanceof Undefined) && used < list.size()) {
            throw Failure.of("not all arguments converted during string formatting");
        }
        return rendering.meter().made(out.toString());
    }

    private char peek() {
        if (at >= format.length()) {
            throw Failure.of("incomplete format");
        }
        return format.charAt(at);
    }

    private String conversion(String key) {
        StringBuilder flags = new StringBuilder();
        while ("-+ #0".indexOf(peek()) >= 0) {
            flags.append(format.charAt(at++));
        }
        long width = size();
        boolean left = flags.indexOf("-") >= 0 || width < 0;
        width = Math.abs(width);
        long precision = -1;
        if (peek() == '.') {
            at++;
            precision = Math.max(0, size());
        }
        while ("hlL".indexOf(peek()) >= 0) {
            at++;
        }
        char type = format.charAt(at++);
        if (type == '%') {
            return "%";
        }
        Object value = key == null ? next() : lookUp(key);
        String body = body(value, type, precision, flags);
        boolean zero = flags.indexOf("0") >= 0 && !left && "srac".indexOf(type) < 0;
        return pad(body, width, left, zero);
    }

    private String pad(String body, long width, boolean left, boolean zero) {
        Meter meter = rendering.meter();
        if (!zero) {
            return Text.pad(meter, body, width, ' ', left ? '<' : '>');
        }
        int head = !body.isEmpty() && "+- ".indexOf(body.charAt(0)) >= 0 ? 1 : 0;
        head += body.startsWith("0x", head) || body.startsWith("0X", head) || body.startsWith("0o", head) ? 2 : 0;
        return body.substring(0, head) + Text.pad(meter, body.substring(head), width - head, '0', '>');
    }

    private String body(Object value, char type, long precision, StringBuilder flags) {
        Meter meter = rendering.meter();
        switch (type) {
            case 's', 'r', 'a' -> {
                String s = type == 's' ? PythonText.str(meter, value) : PythonText.repr(meter, value);
                s = escape && !(value instanceof Markup) ? Text.escapeHtml(s) : s;
                return precision >= 0 && precision < Text.length(s) ? s.substring(0, Text.unit(s, (int) precision)) : s;
            }
            case 'c' -> {
                if (Values.isText(value) && Text.length(Values.text(value)) == 1) {
                    return Values.text(value);
                }
                if (!Numbers.isInteger(value)) {
                    throw Failure.of("%c requires int or char");
                }
            }
            case 'd', 'i', 'u', 'o', 'x', 'X', 'e', 'E', 'f', 'F', 'g', 'G' -> {
                if (value instanceof Undefined u) {
                    throw u.failure();
                }
                if (!Numbers.isNumber(value)) {
                    throw Failure.of("%" + type + " format: a real number is required, not "
                            + Values.typeName(value));
                }
            }
            default -> throw Failure.of("unsupported format character '" + type + "'");
        }
        boolean real = "eEfFgG".indexOf(type) >= 0;
        if (!real && "oxX".indexOf(type) >= 0 && value instanceof Double) {
            throw Failure.of("%" + type + " format: an integer is required, not float");
        }
        Object number = !real && value instanceof Double d ? Numbers.truncate(d) : Numbers.plain(value);
        String spec = (flags.indexOf("+") >= 0 ? "+" : flags.indexOf(" ") >= 0 ? " " : "")
                + (flags.indexOf("#") >= 0 && type != 'c' ? "#" : "") + (real && precision >= 0 ? "." + precision : "")
                + (type == 'i' || type == 'u' ? 'd' : type);
        String made = FormatSpec.parse(spec).format(meter, number);
        int signs = !made.isEmpty() && "+- ".indexOf(made.charAt(0)) >= 0 ? 1 : 0;
        return real || precision < 0 ? made
                : made.substring(0, signs) + Text.pad(meter, made.substring(signs), precision, '0', '>');
    }

    /** Reads a width or precision: digits, or {@code *} for one of the values. */
    private long size() {
        if (peek() == '*') {
            at++;
            Long n = Numbers.index(next());
            if (n == null) {
                throw Failure.of("* wants int");
            }
            return Math.clamp(n, -Integer.MAX_VALUE, Integer.MAX_VALUE);
        }
        long n = 0;
        while (peek() >= '0' && peek() <= '9') {
            n = Math.min(Integer.MAX_VALUE, n * 10 + format.charAt(at++) - '0');
        }
        return n;
    }

    private Object next() {
        if (used == list.size()) {
            throw Failure.of("not enough arguments for format string");
        }
        return list.get(used++);
    }

    private Object lookUp(String key) {
        if (!(values instanceof Dict dict)) {
            throw Failure.of("format requires a mapping");
        }
        Object value = dict.get(rendering.meter(), key);
        if (value == Values.ABSENT) {
            throw Failure.of("the format's key '" + key + "' is missing");
        }
        return value;
    }
}
