package dev.luthier.template;

import java.util.List;

/** Python's {@code str.format}: replacement fields in braces. */
final class StrFormat {
    private static final int MAX_NESTING = 2;

    private final Rendering rendering;
    private final List<Object> positional;
    private final Dict named;
    private final boolean escape;
    private int automatic;

    /**
     * Settles where fields find their values.
     *
     * @param escape whether plain values are made safe for HTML, as {@link Markup} does
     */
    StrFormat(Rendering rendering, List<Object> positional, Dict named, boolean escape) {
        this.rendering = rendering;
        this.positional = positional;
        this.named = named;
        this.escape = escape;
    }

    String format(String template) {
        return rendering.meter().made(format(template, 0));
    }

    private String format(String template, int nesting) {
        if (nesting == MAX_NESTING) {
            throw Failure.of("Max string recursion exceeded");
        }
        StringBuilder out = new StringBuilder();
        int i = 0;
        while (i < template.length()) {
            char c = template.charAt(i++);
            boolean doubled = i < template.length() && template.charAt(i) == c;
            if (c != '{' && c != '}') {
                out.append(c);
            } else if (doubled) {
                out.append(c);
                i++;
            } else if (c == '}') {
                throw Failure.of("Single '}' encountered in format string");
            } else {
                int end = fieldEnd(template, i);
                out.append(field(template.substring(i, end), nesting));
                rendering.meter().fits(out.length());
                i = end + 1;
            }
        }
        return out.toString();
    }

    private static int fieldEnd(String template, int start) {
        int open = 1;
        for (int i = start; i < template.length(); i++) {
            char c = template.charAt(i);
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (open == 0) {
                return i;
            }
        }
        throw Failure.of("expected '}' before end of string");
    }

    private String field(String field, int nesting) {
        int nameEnd = 0;
        boolean bracket = false;
        while (nameEnd < field.length() && (bracket || "!:".indexOf(field.charAt(nameEnd)) < 0)) {
            char c = field.charAt(nameEnd++);
            bracket = c == '[' || bracket && c != ']';
        }
        Object value = value(field.substring(0, nameEnd));
        String rest = field.substring(nameEnd);
        if (rest.startsWith("!")) {
            if (rest.length() < 2 || rest.length() > 2 && rest.charAt(2) != ':') {
                throw Failure.of("expected ':' after conversion specifier");
            }
            value = switch (rest.charAt(1)) {
                case 's' -> PythonText.str(rendering.meter(), value);
                case 'r', 'a' -> PythonText.repr(rendering.meter(), value);
                default -> throw Failure.of("Unknown conversion specifier " + rest.charAt(1));
            };
            rest = rest.substring(2);
        }
        String spec = rest.isEmpty() ? "" : format(rest.substring(1), nesting + 1);
        if (!spec.isEmpty() && (value == null || value instanceof List || value instanceof Dict
                || value instanceof Tuple || value instanceof Undefined)) {
            throw Failure.of("unsupported format string passed to " + Values.typeName(value) + ".__format__");
        }
        String text = spec.isEmpty() ? PythonText.str(rendering.meter(), value)
                : FormatSpec.parse(spec).format(rendering.meter(), value);
        return escape && !(value instanceof Markup) ? Text.escapeHtml(text) : text;
    }

    private Object value(String name) {
        int first = 0;
        while (first < name.length() && ".[".indexOf(name.charAt(first)) < 0) {
            first++;
        }
        String head = name.substring(0, first);
        Object value;
        if (head.isEmpty() || head.chars().allMatch(Character::isDigit)) {
            int at;
            if (head.isEmpty()) {
                at = automatic++;
            } else {
                at = head.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(head);
            }
            if (at >= positional.size()) {
                throw Failure.of("Replacement index " + head + " out of range for positional args tuple");
            }
            value = positional.get(at);
        } else {
            value = named.get(rendering.meter(), head);
            if (value == Values.ABSENT) {
                throw Failure.of("format() has no argument '" + head + "'");
            }
        }
        return walk(value, name, first);
    }

    private Object walk(Object start, String name, int from) {
        Object value = start;
        int i = from;
        while (i < name.length()) {
            boolean attribute = name.charAt(i) == '.';
            int end;
            if (attribute) {
                end = i + 1;
                while (end < name.length() && ".[".indexOf(name.charAt(end)) < 0) {
                    end++;
                }
            } else {
                end = name.indexOf(']', i);
            }
            String part = end < 0 ? "" : name.substring(i + 1, end);
            if (part.isEmpty()) {
                throw Failure.of("Empty attribute in format string");
            }
            boolean index = !attribute && part.chars().allMatch(Character::isDigit) && part.length() < 10;
            value = attribute ? Attributes.attribute(rendering, value, part)
                    : Attributes.item(rendering, value, index ? (Object) Long.parseLong(part) : part);
            i = attribute ? end : end + 1;
        }
        return value;
    }
}
