package dev.luthier.template;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Filters that make text of text. */
final class TextFilters {
    private static final Pattern TITLE_GAP = Pattern.compile("[-\\s(\\{\\[<]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern ATTRIBUTE_GAP = Pattern.compile("[\\s/>=]");

    private TextFilters() { }

    static void addTo(Map<String, Filters.Filter> all) {
        change(all, "upper", Text::upper);
        change(all, "lower", Text::lower);
        change(all, "capitalize", Text::capitalize);
        change(all, "title", TextFilters::title);
        all.put("trim", (r, v, a) -> {
            String chars = a.bind("trim", 0, "chars").textOrNull(0);
            return like(v, r.meter().made(Text.strip(soft(r, v), c -> chars == null ? Text.isSpace(c)
                    : chars.indexOf(c) >= 0, true, true)));
        });
        all.put("replace", (r, v, a) -> {
            Arguments.Bound b = a.bind("replace", 2, "old", "new", "count");
            long count = b.get(2) == null ? -1 : b.integer(2, -1);
            return Text.replace(r.meter(), soft(r, v), soft(r, b.get(0)), soft(r, b.get(1)), count);
        });
        all.put("string", (r, v, a) -> like(v, soft(r, v)));
        all.put("safe", (r, v, a) -> new Markup(soft(r, v)));
        Filters.Filter escape = (r, v, a) ->
                v instanceof Markup ? v : new Markup(r.meter().made(Text.escapeHtml(soft(r, v))));
        all.put("escape", escape);
        all.put("e", escape);
        all.put("forceescape", (r, v, a) -> new Markup(r.meter().made(Text.escapeHtml(soft(r, v)))));
        all.put("center", (r, v, a) -> like(v, (String) ((Callable) StringMethods.bind(soft(r, v), "center"))
                .call(r, Arguments.of(a.bind("center", 0, "width").integer(0, 80)))));
        all.put("wordcount", (r, v, a) -> WORD.matcher(soft(r, v)).results().count());
        all.put("format", TextFilters::format);
        all.put("indent", TextFilters::indent);
        all.put("truncate", TextFilters::truncate);
        all.put("urlencode", TextFilters::urlEncode);
        all.put("xmlattr", TextFilters::xmlAttributes);
        all.put("tojson", TextFilters::toJson);
    }

    private static void change(Map<String, Filters.Filter> all, String name, UnaryOperator<String> change) {
        all.put(name, (r, v, a) -> {
            a.bind(name, 0);
            return like(v, r.meter().made(change.apply(soft(r, v))));
        });
    }

    /** The text of any value. */
    private static String soft(Rendering r, Object v) {
        return PythonText.str(r.meter(), v);
    }

    /** Keeps text safe that was made of safe text. */
    private static Object like(Object input, String made) {
        return input instanceof Markup ? new Markup(made) : made;
    }

    private static String title(String s) {
        StringBuilder out = new StringBuilder(s.length());
        Matcher gap = TITLE_GAP.matcher(s);
        int start = 0;
        while (gap.find()) {
            out.append(word(s.substring(start, gap.start()))).append(gap.group());
            start = gap.end();
        }
        return out.append(word(s.substring(start))).toString();
    }

    private static String word(String s) {
        if (s.isEmpty()) {
            return s;
        }
        int first = Character.charCount(s.codePointAt(0));
        return Text.upper(s.substring(0, first)) + Text.lower(s.substring(first));
    }

    private static Object format(Rendering r, Object v, Arguments a) {
        if (!a.keyword().isEmpty() && !a.positional().isEmpty()) {
            throw Failure.of("can't handle positional and keyword arguments at the same time");
        }
        Object values = new Tuple(a.positional());
        if (!a.keyword().isEmpty()) {
            Dict named = new Dict();
            a.keyword().forEach((name, value) -> named.put(r.meter(), name, value));
            values = named;
        }
        return Arithmetic.binary(r, "%", like(v, soft(r, v)), values);
    }

    private static Object indent(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("indent", 0, "width", "first", "blank");
        String text = Values.requireText(v, "the filter indent");
        String indent = Values.isText(b.get(0)) ? b.text(0, null) : Text.repeat(r.meter(), " ", b.integer(0, 4));
        boolean blank = b.flag(2, false);
        StringBuilder out = new StringBuilder(b.flag(1, false) ? indent : "");
        boolean first = true;
        for (Object line : Text.lines(text + "\n", false)) {
            String s = (String) line;
            out.append(first ? "" : "\n").append(first || s.isEmpty() && !blank ? "" : indent).append(s);
            r.meter().fits(out.length());
            first = false;
        }
        return like(v, r.meter().made(out.toString()));
    }

    private static Object truncate(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("truncate", 0, "length", "killwords", "end", "leeway");
        String end = b.text(2, "...");
        long length = b.integer(0, 255);
        long leeway = b.get(3) == null ? 5 : b.integer(3, 5);
        if (length < Text.length(end) || leeway < 0) {
            throw Failure.of("truncate wants a length of at least " + Text.length(end)
                    + " and a leeway of at least 0, found " + length + " and " + leeway);
        }
        if (Values.length(v) <= length + leeway) {
            return v;
        }
        String s = Values.requireText(v, "the filter truncate");
        String kept = s.substring(0, Text.unit(s, (int) length - Text.length(end)));
        int blank = kept.lastIndexOf(' ');
        return like(v, r.meter().made((b.flag(1, false) || blank < 0 ? kept : kept.substring(0, blank)) + end));
    }

    private static String urlEncode(Rendering r, Object v, Arguments a) {
        if (Values.isText(v) || !Values.isIterable(v)) {
            return quote(r, v, true);
        }
        List<String> parts = new ArrayList<>();
        Object pairs = v instanceof Dict d ? DictView.items(d) : v;
        for (Object pair : Values.list(r.meter(), pairs)) {
            List<Object> two = Values.list(r.meter(), pair);
            if (two.size() != 2) {
                throw Failure.of("urlencode wants pairs, found " + two.size() + " values");
            }
            parts.add(quote(r, two.get(0), false) + "=" + quote(r, two.get(1), false));
        }
        return r.meter().made(String.join("&", parts));
    }

    private static String quote(Rendering r, Object v, boolean path) {
        String quoted = URLEncoder.encode(soft(r, v), StandardCharsets.UTF_8).replace("*", "%2A").replace("%7E", "~");
        return r.meter().made(path ? quoted.replace("+", "%20").replace("%2F", "/") : quoted);
    }

    private static String xmlAttributes(Rendering r, Object v, Arguments a) {
        boolean space = a.bind("xmlattr", 0, "autospace").flag(0, true);
        if (!(v instanceof Dict d)) {
            throw Failure.of("xmlattr wants a mapping, found " + Values.typeName(v));
        }
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < d.size(); i++) {
            Object value = d.values().get(i);
            if (value == null || value instanceof Undefined) {
                continue;
            }
            String key = soft(r, d.keys().get(i));
            if (ATTRIBUTE_GAP.matcher(key).find()) {
                throw Failure.of("invalid character in attribute name: '" + key + "'");
            }
            String text = value instanceof Markup m ? m.text() : Text.escapeHtml(soft(r, value));
            out.append(out.isEmpty() ? "" : " ").append(Text.escapeHtml(key)).append("=\"").append(text).append('"');
        }
        return r.meter().made(space && !out.isEmpty() ? " " + out : out.toString());
    }

    private static String toJson(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        String indent = b.get(1) == null ? null : Values.isText(b.get(1)) ? b.text(1, null)
                : Text.repeat(r.meter(), " ", b.integer(1, 0));
        String item = indent == null ? ", " : ",";
        String key = ": ";
        if (b.get(2) != null) {
            List<Object> separators = Values.list(r.meter(), b.get(2));
            if (separators.size() != 2) {
                throw Failure.of("tojson wants two separators, found " + separators.size());
            }
            item = Values.requireText(separators.get(0), "a separator of tojson");
            key = Values.requireText(separators.get(1), "a separator of tojson");
        }
        return new JsonText(r.meter(), b.flag(0, false), indent, item, key, b.flag(3, false)).of(v);
    }
}
