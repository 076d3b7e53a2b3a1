package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** Strings seen as Python sees them: sequences of code points, with Python's idea of blanks, lines and case. */
final class Text {
    private Text() { }

    /** Python's {@code str.isspace} for one code point. */
    static boolean isSpace(int c) {
        if (c <= 0x20) {
            return c == ' ' || c >= 9 && c <= 13 || c >= 0x1c && c <= 0x1f;
        }
        return c == 0x85 || c == 0xa0 || c > 0xff && (Character.isSpaceChar(c));
    }

    static int length(String s) {
        return s.codePointCount(0, s.length());
    }

    /** The UTF-16 place of a code point index that lies within the text. */
    static int unit(String s, int codePoint) {
        return s.offsetByCodePoints(0, codePoint);
    }

    /** The code point index of a UTF-16 place. */
    static int codePointIndex(String s, int unit) {
        return s.codePointCount(0, unit);
    }

    static String stripStart(String s) {
        return strip(s, Text::isSpace, true, false);
    }

    static String stripEnd(String s) {
        return strip(s, Text::isSpace, false, true);
    }

    static String strip(String s, IntPredicate gone, boolean start, boolean end) {
        int from = 0;
        int to = s.length();
        while (start && from < to && gone.test(s.codePointAt(from))) {
            from += Character.charCount(s.codePointAt(from));
        }
        while (end && to > from && gone.test(s.codePointBefore(to))) {
            to -= Character.charCount(s.codePointBefore(to));
        }
        return s.substring(from, to);
    }

    /** Python's {@code str.splitlines}. */
    static List<Object> lines(String s, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            boolean breaks = c >= 0x0a && c <= 0x0d || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029;
            if (breaks) {
                int end = i;
                if (c == '\r' && i + 1 < s.length() && s.charAt(i + 1) == '\n') {
                    i++;
                }
                lines.add(s.substring(start, keepEnds ? i + 1 : end));
                start = i + 1;
            }
        }
        if (start < s.length()) {
            lines.add(s.substring(start));
        }
        return lines;
    }

    /** Upper case for the start of a word: {@code dz} becomes {@code Dz}, sharp s becomes {@code Ss}. */
    static String titleCase(int c) {
        String upper = Character.toString(c).toUpperCase(java.util.Locale.ROOT);
        if (length(upper) > 1) {
            int first = upper.codePointAt(0);
            return Character.toString(first) + lower(upper.substring(Character.charCount(first)));
        }
        return Character.toString(Character.toTitleCase(c));
    }

    static String upper(String s) {
        return s.toUpperCase(java.util.Locale.ROOT);
    }

    static String lower(String s) {
        return s.toLowerCase(java.util.Locale.ROOT);
    }

    static String capitalize(String s) {
        if (s.isEmpty()) {
            return s;
        }
        int first = s.codePointAt(0);
        return titleCase(first) + lower(s.substring(Character.charCount(first)));
    }

    /** Python's {@code str.title}: every run of letters starts with a capital. */
    static String title(String s) {
        StringBuilder out = new StringBuilder(s.length());
        boolean inWord = false;
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            boolean cased = isCased(c);
            out.append(inWord ? lower(Character.toString(c)) : cased ? titleCase(c) : Character.toString(c));
            inWord = cased;
        }
        return out.toString();
    }

    static String swapCase(String s) {
        StringBuilder out = new StringBuilder(s.length());
        s.codePoints().forEach(c -> {
            String one = Character.toString(c);
            out.append(Character.isUpperCase(c) ? lower(one) : Character.isLowerCase(c) ? upper(one) : one);
        });
        return out.toString();
    }

    static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    /** True where the text has letters with case and all of them are of this case. */
    static boolean allCased(String s, IntPredicate wanted) {
        boolean any = false;
        for (int i = 0; i < s.length();) {
            int c = s.codePointAt(i);
            i += Character.charCount(c);
            if (isCased(c)) {
                if (!wanted.test(c)) {
                    return false;
                }
                any = true;
            }
        }
        return any;
    }

    /** Compares by code points, as Python does; Java's own order puts U+FFFF after U+10000. */
    static int compare(String a, String b) {
        int n = Math.min(a.length(), b.length());
        for (int i = 0; i < n; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                boolean sx = Character.isSurrogate(x);
                boolean sy = Character.isSurrogate(y);
                return sx == sy ? Character.compare(x, y) : sx ? 1 : -1;
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    /** Replaces {@code & < > ' "} by character references. */
    static String escapeHtml(String s) {
        StringBuilder out = new StringBuilder(s.length() + 16);
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '\'' -> out.append("&#39;");
                case '"' -> out.append("&#34;");
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    /** Replaces up to {@code count} occurrences, all where it is negative; an empty {@code old} is found everywhere. */
    static String replace(Meter meter, String s, String old, String now, long count) {
        if (count == 0 || !old.isEmpty() && !s.contains(old)) {
            return s;
        }
        StringBuilder out = new StringBuilder(s.length());
        long left = count < 0 ? Long.MAX_VALUE : count;
        int from = 0;
        if (old.isEmpty()) {
            while (left-- > 0) {
                out.append(now);
                meter.fits(out.length());
                if (from == s.length()) {
                    break;
                }
                int c = s.codePointAt(from);
                out.appendCodePoint(c);
                from += Character.charCount(c);
            }
        } else {
            for (int at; left-- > 0 && (at = s.indexOf(old, from)) >= 0; from = at + old.length()) {
                out.append(s, from, at).append(now);
                meter.fits(out.length());
            }
        }
        return meter.made(out.append(s, from, s.length()).toString());
    }

    static String repeat(Meter meter, String s, long times) {
        if (times <= 0 || s.isEmpty()) {
            return "";
        }
        meter.fits(times > Integer.MAX_VALUE ? times : times * s.length());
        return meter.made(s.repeat((int) times));
    }

    /** Fills a text up to a width in code points; {@code align} is {@code <}, {@code >} or {@code ^}. */
    static String pad(Meter meter, String s, long width, int fill, char align) {
        long missing = width - length(s);
        if (missing <= 0) {
            return s;
        }
        String filler = Character.toString(fill);
        long left = switch (align) {
            case '<' -> 0;
            case '>' -> missing;
            default -> missing / 2;
        };
        return repeat(meter, filler, left) + s + repeat(meter, filler, missing - left);
    }
}
