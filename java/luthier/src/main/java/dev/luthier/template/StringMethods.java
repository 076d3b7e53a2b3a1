package dev.luthier.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** The methods of strings. */
final class StringMethods {
    /** A method of a string. */
    @FunctionalInterface
    private interface Method {
        Object call(Rendering r, String self, Arguments arguments);
    }

    private static final Set<String> TAKES_KEYWORDS = Set.of("split", "rsplit", "splitlines", "expandtabs");
    private static final Map<String, Method> METHODS = new HashMap<>();

    static {
        change("upper", Text::upper);
        change("lower", Text::lower);
        change("casefold", s -> Text.lower(Text.upper(s)));
        change("capitalize", Text::capitalize);
        change("title", Text::title);
        change("swapcase", Text::swapCase);
        METHODS.put("strip", (r, s, a) -> strip(r, s, a, true, true));
        METHODS.put("lstrip", (r, s, a) -> strip(r, s, a, true, false));
        METHODS.put("rstrip", (r, s, a) -> strip(r, s, a, false, true));
        METHODS.put("split", (r, s, a) -> split(r, s, a, false));
        METHODS.put("rsplit", (r, s, a) -> split(r, s, a, true));
        METHODS.put("splitlines", (r, s, a) -> {
            List<Object> lines = Text.lines(s, a.bind("splitlines", 0, "keepends").flag(0, false));
            r.meter().elements(lines.size());
            return lines;
        });
        METHODS.put("partition", (r, s, a) -> partition(s, a, false));
        METHODS.put("rpartition", (r, s, a) -> partition(s, a, true));
        METHODS.put("startswith", (r, s, a) -> affix(s, a, true));
        METHODS.put("endswith", (r, s, a) -> affix(s, a, false));
        METHODS.put("removeprefix", (r, s, a) -> {
            String prefix = a.bind("removeprefix", 1, "prefix").text(0, null);
            return s.startsWith(prefix) ? s.substring(prefix.length()) : s;
        });
        METHODS.put("removesuffix", (r, s, a) -> {
            String suffix = a.bind("removesuffix", 1, "suffix").text(0, null);
            return s.endsWith(suffix) ? s.substring(0, s.length() - suffix.length()) : s;
        });
        METHODS.put("replace", (r, s, a) -> {
            Arguments.Bound b = a.bind("replace", 2, "old", "new", "count");
            return Text.replace(r.meter(), s, b.text(0, null), b.text(1, null), b.integer(2, -1));
        });
        METHODS.put("join", (r, s, a) -> join(r, s, a.bind("join", 1, "iterable").get(0)));
        METHODS.put("find", (r, s, a) -> find(s, a, "find", false));
        METHODS.put("rfind", (r, s, a) -> find(s, a, "rfind", true));
        METHODS.put("index", (r, s, a) -> require(find(s, a, "index", false)));
        METHODS.put("rindex", (r, s, a) -> require(find(s, a, "rindex", true)));
        METHODS.put("count", (r, s, a) -> count(r, s, a));
        METHODS.put("center", (r, s, a) -> pad(r, s, a, "center", '^'));
        METHODS.put("ljust", (r, s, a) -> pad(r, s, a, "ljust", '<'));
        METHODS.put("rjust", (r, s, a) -> pad(r, s, a, "rjust", '>'));
        METHODS.put("zfill", (r, s, a) -> {
            int sign = !s.isEmpty() && "+-".indexOf(s.charAt(0)) >= 0 ? 1 : 0;
            long width = a.bind("zfill", 1, "width").integer(0, 0);
            return s.substring(0, sign) + Text.pad(r.meter(), s.substring(sign), width - sign, '0', '>');
        });
        METHODS.put("expandtabs", (r, s, a) -> expandTabs(r, s, a.bind("expandtabs", 0, "tabsize").integer(0, 8)));
        test("isspace", all(Text::isSpace));
        test("isalpha", all(Character::isLetter));
        test("isalnum", all(c -> Character.isLetter(c) || isNumeric(c)));
        test("isdigit", all(c -> Character.isDigit(c) || isSuperscript(c)));
        test("isdecimal", all(Character::isDigit));
        test("isnumeric", all(StringMethods::isNumeric));
        test("isascii", s -> s.chars().allMatch(c -> c < 128));
        test("isprintable", s -> s.codePoints().allMatch(PythonText::isPrintable));
        test("isupper", s -> Text.allCased(s, Character::isUpperCase));
        test("islower", s -> Text.allCased(s, Character::isLowerCase));
        test("istitle", s -> Text.allCased(s, c -> true) && s.equals(Text.title(s)));
        test("isidentifier", s -> !s.isEmpty()
                && (s.charAt(0) == '_' || Character.isUnicodeIdentifierStart(s.codePointAt(0)))
                && s.codePoints().allMatch(Character::isUnicodeIdentifierPart));
    }

    private StringMethods() { }

    /** Returns a method bound to its string, or {@link Values#ABSENT}. */
    static Object bind(String self, String name) {
        if (name.equals("format") || name.equals("format_map")) {
            return (Callable) (r, a) -> format(r, self, a, name, false);
        }
        Method method = METHODS.get(name);
        return method == null ? Values.ABSENT : (Callable) (r, a) -> call(r, name, method, self, a);
    }

    /** The same for safe HTML: text made from it is safe, too. */
    static Object bind(Markup self, String name) {
        if (name.equals("format") || name.equals("format_map")) {
            return (Callable) (r, a) -> new Markup(format(r, self.text(), a, name, true));
        }
        Method method = METHODS.get(name);
        return method == null ? Values.ABSENT : (Callable) (r, a) -> {
            return safe(call(r, name, method, self.text(), a));
        };
    }

    private static Object safe(Object made) {
        return switch (made) {
            case String s -> new Markup(s);
            case List<?> parts -> new ArrayList<Object>(parts.stream().map(StringMethods::safe).toList());
            case Tuple parts -> new Tuple(parts.items().stream().map(StringMethods::safe).toList());
            default -> made;
        };
    }

    private static Object call(Rendering r, String name, Method method, String self, Arguments a) {
        if (!a.keyword().isEmpty() && !TAKES_KEYWORDS.contains(name)) {
            throw Failure.of("str." + name + "() takes no keyword arguments");
        }
        return method.call(r, self, a);
    }

    private static void change(String name, UnaryOperator<String> change) {
        METHODS.put(name, (r, s, a) -> {
            a.bind(name, 0);
            return r.meter().made(change.apply(s));
        });
    }

    private static void test(String name, Predicate<String> test) {
        METHODS.put(name, (r, s, a) -> {
            a.bind(name, 0);
            return test.test(s);
        });
    }

    private static Predicate<String> all(IntPredicate test) {
        return s -> !s.isEmpty() && s.codePoints().allMatch(test);
    }

    private static boolean isNumeric(int c) {
        return switch (Character.getType(c)) {
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
            default -> false;
        };
    }

    private static boolean isSuperscript(int c) {
        return c == 0xb2 || c == 0xb3 || c == 0xb9 || c >= 0x2070 && c <= 0x2089 && isNumeric(c)
                || c >= 0x2460 && c <= 0x2468;
    }

    private static String strip(Rendering r, String s, Arguments a, boolean start, boolean end) {
        String chars = a.bind("strip", 0, "chars").textOrNull(0);
        IntPredicate gone = chars == null ? Text::isSpace : c -> chars.indexOf(c) >= 0;
        return r.meter().made(Text.strip(s, gone, start, end));
    }

    private static List<Object> split(Rendering r, String s, Arguments a, boolean fromEnd) {
        Arguments.Bound b = a.bind("split", 0, "sep", "maxsplit");
        String separator = b.textOrNull(0);
        long most = b.integer(1, -1);
        most = most < 0 ? Long.MAX_VALUE : most;
        if (separator != null && separator.isEmpty()) {
            throw Failure.of("empty separator");
        }
        r.meter().text(s.length());
        List<Object> parts = separator == null ? Splitting.blanks(s, most, fromEnd)
                : Splitting.separator(s, separator, most, fromEnd);
        r.meter().elements(parts.size());
        return parts;
    }

    private static Tuple partition(String s, Arguments a, boolean fromEnd) {
        String separator = a.bind("partition", 1, "sep").text(0, null);
        if (separator.isEmpty()) {
            throw Failure.of("empty separator");
        }
        int at = fromEnd ? s.lastIndexOf(separator) : s.indexOf(separator);
        if (at < 0) {
            return fromEnd ? Tuple.of("", "", s) : Tuple.of(s, "", "");
        }
        return Tuple.of(s.substring(0, at), separator, s.substring(at + separator.length()));
    }

    /** The part of a string between optional start and end indices, and where it starts; null where it cannot be. */
    private static String window(String s, Arguments.Bound b, long[] offset) {
        int length = Text.length(s);
        long start = b.get(1) == null ? 0 : b.integer(1, 0);
        long end = b.get(2) == null ? length : b.integer(2, 0);
        start = Math.max(0, start < 0 ? start + length : start);
        end = Math.clamp(end < 0 ? end + length : end, 0, length);
        if (start > end) {
            return null;
        }
        offset[0] = start;
        return s.substring(Text.unit(s, (int) start), Text.unit(s, (int) end));
    }

    private static boolean affix(String s, Arguments a, boolean start) {
        Arguments.Bound b = a.bind(start ? "startswith" : "endswith", 1, "prefix", "start", "end");
        String part = window(s, b, new long[1]);
        List<Object> choices = b.get(0) instanceof Tuple t ? t.items() : java.util.Collections.singletonList(b.get(0));
        for (Object choice : choices) {
            String wanted = Values.requireText(choice, start ? "startswith()" : "endswith()");
            if (part != null && (start ? part.startsWith(wanted) : part.endsWith(wanted))) {
                return true;
            }
        }
        return false;
    }

    private static long find(String s, Arguments a, String name, boolean fromEnd) {
        Arguments.Bound b = a.bind(name, 1, "sub", "start", "end");
        String wanted = b.text(0, null);
        long[] offset = new long[1];
        String part = window(s, b, offset);
        int at = part == null ? -1 : fromEnd ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        return at < 0 ? -1 : offset[0] + Text.codePointIndex(part, at);
    }

    private static long require(long found) {
        if (found < 0) {
            throw Failure.of("substring not found");
        }
        return found;
    }

    private static long count(Rendering r, String s, Arguments a) {
        Arguments.Bound b = a.bind("count", 1, "sub", "start", "end");
        String wanted = b.text(0, null);
        String part = window(s, b, new long[1]);
        if (part == null) {
            return 0;
        }
        if (wanted.isEmpty()) {
            return Text.length(part) + 1L;
        }
        r.meter().charge(part.length() >> 4);
        long count = 0;
        for (int at = part.indexOf(wanted); at >= 0; at = part.indexOf(wanted, at + wanted.length())) {
            count++;
        }
        return count;
    }

    /** Joins strings; anything else among the parts is an error, unlike for the filter {@code join}. */
    private static String join(Rendering r, String separator, Object parts) {
        StringBuilder out = new StringBuilder();
        int i = 0;
        for (Iterator<Object> it = Values.iterate(r.meter(), parts); it.hasNext(); i++) {
            Object part = it.next();
            if (!Values.isText(part)) {
                throw Failure.of("sequence item " + i + ": expected str instance, " + Values.typeName(part) + " found");
            }
            out.append(i == 0 ? "" : separator).append(Values.text(part));
            r.meter().fits(out.length());
        }
        return r.meter().made(out.toString());
    }

    private static String pad(Rendering r, String s, Arguments a, String name, char align) {
        Arguments.Bound b = a.bind(name, 1, "width", "fillchar");
        String fill = b.text(1, " ");
        if (Text.length(fill) != 1) {
            throw Failure.of("the fill character must be exactly one character long");
        }
        long width = b.integer(0, 0);
        int length = Text.length(s);
        if (align == '^' && width > length) {
            // Python gives the odd blank to the left only where the width is odd, too.
            long missing = width - length;
            long left = missing / 2 + (missing & width & 1);
            String half = Text.pad(r.meter(), s, length + left, fill.codePointAt(0), '>');
            return Text.pad(r.meter(), half, width, fill.codePointAt(0), '<');
        }
        return Text.pad(r.meter(), s, width, fill.codePointAt(0), align);
    }

    private static String expandTabs(Rendering r, String s, long size) {
        StringBuilder out = new StringBuilder();
        long column = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '\t') {
                long blanks = size > 0 ? size - column % size : 0;
                out.append(Text.repeat(r.meter(), " ", blanks));
                column += blanks;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + (Character.isLowSurrogate(c) ? 0 : 1);
            }
            r.meter().fits(out.length());
        }
        return r.meter().made(out.toString());
    }

    private static String format(Rendering r, String self, Arguments a, String name, boolean escape) {
        if (name.equals("format_map")) {
            if (!(a.bind(name, 1, "mapping").get(0) instanceof Dict dict)) {
                throw Failure.of("format_map() wants a mapping");
            }
            return new StrFormat(r, new ArrayList<>(), dict, escape).format(self);
        }
        Dict named = new Dict();
        a.keyword().forEach((key, value) -> named.put(r.meter(), key, value));
        return new StrFormat(r, a.positional(), named, escape).format(self);
    }
}
