package dev.luthier.tokenizer;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Translates regular expressions of tokenizer files, written for Oniguruma with its own syntax over UTF-8, to {@link Pattern}. What differs
 * and is translated: {@code ^ $ .} know {@code \n} only and {@code ^ $} match at every line; {@code \h} is a hexadecimal digit;
 * {@code x{1,3}+} repeats and is not possessive; {@code {,n}} starts at 0; {@code (?i)} reaches to the end of its group, alternatives
 * included; property names are free of case, spaces, hyphens and underscores, and scripts need no prefix. What cannot be translated is
 * refused. Patterns that could run without reading text (repeats of groups that can be empty) are refused too, so that counting the
 * characters read bounds the time of a match (see {@link BoundedText}).
 */
final class OnigurumaRegex {
    private static final int MAX_LENGTH = 20_000;
    private static final int MAX_DEPTH = 40;
    private static final int MAX_REPEAT = 10_000;
    /** Oniguruma counts six Latin-1 numbers as word characters, and the joiners not. */
    private static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc\\xbd\\xbe";
    private static final Map<String, String> PROPERTIES = Map.ofEntries(Map.entry("alpha", "\\p{IsAlphabetic}"),
            Map.entry("alphabetic", "\\p{IsAlphabetic}"), Map.entry("upper", "\\p{IsUppercase}"), Map.entry("lower", "\\p{IsLowercase}"),
            Map.entry("digit", "\\p{Nd}"), Map.entry("space", "\\s"), Map.entry("whitespace", "\\s"), Map.entry("word", WORD),
            Map.entry("alnum", "\\p{IsAlphabetic}\\p{Nd}"), Map.entry("punct", "\\p{P}"), Map.entry("cntrl", "\\p{Cc}"),
            Map.entry("xdigit", "0-9a-fA-F"), Map.entry("ideographic", "\\p{IsIdeographic}"), Map.entry("letter", "\\p{L}"),
            Map.entry("mark", "\\p{M}"), Map.entry("number", "\\p{N}"), Map.entry("punctuation", "\\p{P}"), Map.entry("symbol", "\\p{S}"),
            Map.entry("separator", "\\p{Z}"), Map.entry("other", "\\p{C}"), Map.entry("uppercaseletter", "\\p{Lu}"),
            Map.entry("lowercaseletter", "\\p{Ll}"), Map.entry("titlecaseletter", "\\p{Lt}"), Map.entry("modifierletter", "\\p{Lm}"),
            Map.entry("otherletter", "\\p{Lo}"), Map.entry("decimalnumber", "\\p{Nd}"));
    /**
     * Never prevents a match. Java steps back over whole characters in a lookbehind only where the text of the lookbehind holds a character
     * above U+FFFF, so each gets this.
     */
    private static final String WHOLE_CHARACTERS = "(?![^\\x{0}-\\x{10ffff}]\uD800\uDC00)";
    private static final String CATEGORIES = " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

    private final String in;
    private final StringBuilder out = new StringBuilder();
    private int at;
    private int depth;

    private OnigurumaRegex(String in) {
        this.in = in;
    }

    /** @throws IllegalArgumentException with the reason where the expression is malformed or not supported */
    static Pattern compile(String regex) {
        return Pattern.compile(translate(regex), Pattern.UNICODE_CHARACTER_CLASS);
    }

    static String translate(String regex) {
        if (regex.isEmpty()) throw new IllegalArgumentException("an empty regular expression");
        if (regex.length() > MAX_LENGTH) throw new IllegalArgumentException("a regular expression of more than " + MAX_LENGTH + " characters");
        OnigurumaRegex t = new OnigurumaRegex(regex);
        t.alternatives(true);
        if (t.at < regex.length()) throw t.error("a ) without (");
        return t.out.toString();
    }

    /** The least characters an expression reads, and how often its innermost atom can be forced to run. */
    private record Shape(int min, long repeats) {
        static final Shape EMPTY = new Shape(0, 1);
        static final Shape ONE = new Shape(1, 1);

        Shape then(Shape next) {
            return new Shape(Math.min(min + next.min, MAX_REPEAT), Math.max(repeats, next.repeats));
        }
    }

    private Shape alternatives(boolean top) {
        if (++depth > MAX_DEPTH) throw error("more than " + MAX_DEPTH + " nested groups");
        int min = Integer.MAX_VALUE;
        int empty = 0;
        long repeats = 1;
        while (true) {
            Shape shape = sequence();
            min = Math.min(min, shape.min);
            repeats = Math.max(repeats, shape.repeats);
            if (shape.min == 0) empty++;
            if (!next('|')) break;
            out.append('|');
        }
        if (!top && empty > 1) throw error("a group of which two alternatives can match nothing");
        depth--;
        return new Shape(min, repeats);
    }

    private Shape sequence() {
        Shape shape = Shape.EMPTY;
        while (at < in.length() && in.charAt(at) != '|' && in.charAt(at) != ')') {
            int start = out.length();
            Shape atom = atom();
            shape = shape.then(atom == null ? Shape.EMPTY : quantified(start, atom));
        }
        return shape;
    }

    /** One atom; null for what takes no quantifier. */
    private Shape atom() {
        int c = take();
        switch (c) {
            case '(' -> {
                return group();
            }
            case '[' -> {
                out.append(characterClass());
                return Shape.ONE;
            }
            case '.' -> out.append("[^\\n]");
            case '^' -> {
                out.append("(?:\\A|(?<=\\n)(?!\\z))");
                return null;
            }
            case '$' -> {
                out.append("(?=\\n|\\z)");
                return null;
            }
            case '\\' -> {
                return escape();
            }
            case '*', '+', '?' -> throw error("a quantifier with nothing to repeat");
            default -> literal(out, c);
        }
        return Shape.ONE;
    }

    private Shape group() {
        boolean look = false;
        boolean behind = false;
        if (next('?')) {
            int c = take();
            switch (c) {
                case ':', '>' -> out.append("(?").append((char) c);
                case '=', '!' -> {
                    out.append("(?").append((char) c);
                    look = true;
                }
                case '<' -> {
                    int d = take();
                    if (d != '=' && d != '!') throw error("a named group");
                    out.append("(?<").append((char) d).append("(?:");
                    look = true;
                    behind = true;
                }
                case 'i', '-' -> {
                    if (c == '-' && take() != 'i') throw error("an option other than i");
                    out.append(c == 'i' ? "(?i:" : "(?-i:");
                    if (next(')')) {
                        Shape rest = alternatives(false);
                        out.append(')');
                        return new Shape(rest.min, Math.max(rest.repeats, 1));
                    }
                    if (!next(':')) throw error("an option other than i");
                }
                default -> throw error("a group that starts with (?" + Character.toString(c));
            }
        } else {
            out.append("(?:"); // captures are never read
        }
        Shape body = alternatives(false);
        if (!next(')')) throw error("a ( without )");
        out.append(behind ? ")" + WHOLE_CHARACTERS + ")" : ")");
        return look ? new Shape(0, body.repeats) : body;
    }

    private Shape quantified(int start, Shape atom) {
        char sign = at < in.length() ? in.charAt(at) : 0;
        int[] bounds = switch (sign) {
            case '?' -> new int[] {0, 1};
            case '*' -> new int[] {0, -1};
            case '+' -> new int[] {1, -1};
            case '{' -> interval();
            default -> null;
        };
        if (bounds == null) return atom;
        int min = bounds[0];
        int max = bounds[1];
        boolean interval = sign == '{';
        if (!interval) at++;
        long repeats = atom.repeats * Math.max(1, Math.max(min, max));
        if (max != 1 && atom.min == 0) throw error("a repeat of a group that can match nothing");
        if (repeats > MAX_REPEAT) throw error("repeats of more than " + MAX_REPEAT);
        Shape shape = new Shape((int) Math.min((long) atom.min * min, MAX_REPEAT), repeats);
        boolean plus = false;
        if (interval) {
            plus = next('+'); // x{n,m}+ is (?:x{n,m})+
            if (plus && min <= 1 && max != 0) {
                out.append(min == 0 ? '*' : '+');
            } else {
                out.append('{').append(min).append(',').append(max < 0 ? "" : max).append('}');
                if (plus && shape.min == 0) throw error("a repeat of a group that can match nothing");
                if (plus) out.insert(start, "(?:").append(")+");
            }
        } else {
            out.append(sign);
            if (next('+')) out.append('+');
        }
        if (!plus && next('?')) {
            if (interval && min == max) throw error("{n}?, which is ambiguous");
            out.append('?');
        }
        if (at < in.length() && "?*+".indexOf(in.charAt(at)) >= 0) throw error("two quantifiers in a row");
        return shape;
    }

    /** The bounds of {@code {n} {n,} {n,m} {,m}}, or null where the brace is only a brace. */
    private int[] interval() {
        int p = at + 1;
        int close = in.indexOf('}', p);
        if (close < 0 || close - p > 12) return null;
        String body = in.substring(p, close);
        if (!body.matches("[0-9]+(,[0-9]*)?|,[0-9]+")) return null;
        at = close + 1;
        int comma = body.indexOf(',');
        String low = comma < 0 ? body : body.substring(0, comma);
        String high = comma < 0 ? body : body.substring(comma + 1);
        int min = low.isEmpty() ? 0 : count(low);
        int max = high.isEmpty() ? -1 : count(high);
        if (max >= 0 && max < min) throw error("an interval that ends before it starts");
        return new int[] {min, max};
    }

    private int count(String digits) {
        if (digits.length() > 5 || Integer.parseInt(digits) > MAX_REPEAT) throw error("repeats of more than " + MAX_REPEAT);
        return Integer.parseInt(digits);
    }

    private Shape escape() {
        int c = take();
        switch (c) {
            case 'A', 'z' -> {
                out.append('\\').append((char) c);
                return null;
            }
            case 'b', 'B' -> {
                String before = "[" + WORD + "]" + WHOLE_CHARACTERS + ")";
                String after = "[" + WORD + "])";
                out.append(c == 'b' ? "(?:(?<=" + before + "(?!" + after + "|(?<!" + before + "(?=" + after + ")"
                        : "(?:(?<=" + before + "(?=" + after + "|(?<!" + before + "(?!" + after + ")");
                return null;
            }
            case 'Z' -> {
                out.append("(?=\\n?\\z)");
                return null;
            }
            default -> {
                String set = classEscape(c);
                if (set != null) out.append('[').append(set).append(']');
                else literal(out, codePoint(c));
            }
        }
        return Shape.ONE;
    }

    /** The inside of a class for an escape that stands for several characters, else null. */
    private String classEscape(int c) {
        return switch (c) {
            case 's', 'S', 'd', 'D' -> "\\" + (char) c;
            case 'w' -> WORD;
            case 'W' -> "[^" + WORD + "]";
            case 'h' -> "0-9a-fA-F";
            case 'H' -> "[^0-9a-fA-F]";
            case 'p', 'P' -> property(c == 'P');
            default -> null;
        };
    }

    /** The character that an escape stands for. */
    private int codePoint(int c) {
        return switch (c) {
            case 'r' -> '\r';
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'f' -> '\f';
            case 'v' -> 0x0B;
            case 'a' -> 0x07;
            case 'e' -> 0x1B;
            case 'u' -> hex(4);
            case 'x' -> {
                if (!next('{')) yield asciiOnly(hex(2));
                int close = in.indexOf('}', at);
                if (close < 0 || close == at || close - at > 8) throw error("\\x{ without its end");
                int value = hex(close - at);
                at++;
                yield value;
            }
            default -> {
                if (c < 128 && Character.isLetterOrDigit(c)) throw error("\\" + (char) c);
                yield c;
            }
        };
    }

    private int asciiOnly(int value) {
        if (value > 127) throw error("\\x of a byte above 7F, which is a piece of a character");
        return value;
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(take(), 16);
            if (digit < 0 || value > 0x10FFFF >> 4) throw error("a code point that is not hexadecimal or too large");
            value = value << 4 | digit;
        }
        return value;
    }

    private String property(boolean negated) {
        if (!next('{')) throw error("\\p without {");
        boolean not = negated ^ next('^');
        int close = in.indexOf('}', at);
        if (close < 0 || close - at > 60) throw error("\\p{ without }");
        String name = in.substring(at, close);
        at = close + 1;
        String set = propertySet(name);
        return not ? "[^" + set + "]" : set;
    }

    private String propertySet(String name) {
        String key = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
        if (PROPERTIES.containsKey(key)) return PROPERTIES.get(key);
        String category = key.isEmpty() ? "" : key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1);
        if (!category.isEmpty() && CATEGORIES.contains(" " + category + " ")) return "\\p{" + category + "}";
        try {
            return "\\p{Is" + Character.UnicodeScript.forName(name.replace(' ', '_').replace('-', '_')).name() + "}";
        } catch (IllegalArgumentException e) {
            throw error("the character property " + TokenizerException.quote(name));
        }
    }

    /** A class, after its opening bracket. */
    private String characterClass() {
        if (++depth > MAX_DEPTH) throw error("more than " + MAX_DEPTH + " nested groups");
        StringBuilder set = new StringBuilder("[");
        if (next('^')) set.append('^');
        int items = 0;
        boolean open = false; // whether the part since the start or the last && has an item
        while (true) {
            if (at >= in.length()) throw error("a [ without ]");
            int c = take();
            if (c == ']' && items > 0) break;
            items++;
            if (c == '&' && next('&')) {
                if (!open) throw error("a && with nothing before it");
                set.append("&&");
                open = false;
                continue;
            }
            open = true;
            if (c == '[') {
                set.append(in.startsWith(":", at) ? posixBracket() : characterClass());
                continue;
            }
            if (c == '\\') {
                c = take();
                String several = classEscape(c);
                if (several != null) {
                    set.append(several);
                    if (at + 1 < in.length() && in.charAt(at) == '-' && in.charAt(at + 1) != ']') throw error("a range that starts with a class");
                    continue;
                }
                c = c == 'b' ? '\b' : codePoint(c);
            }
            literal(set, c);
            if (at + 1 < in.length() && in.charAt(at) == '-' && in.charAt(at + 1) != ']') {
                at++;
                int end = take();
                if (end == '[' || end == '&' && in.startsWith("&", at)) throw error("a range without an end");
                if (end == '\\') {
                    end = take();
                    if ("sSdDwWhHpP".indexOf(end) >= 0) throw error("a range that ends with a class");
                    end = codePoint(end);
                }
                if (end < c) throw error("a range that ends before it starts");
                set.append('-');
                literal(set, end);
            }
        }
        if (!open) throw error("a && with nothing after it");
        depth--;
        return set.append(']').toString();
    }

    private String posixBracket() {
        int close = in.indexOf(":]", at);
        if (close < 0) throw error("[: without :]");
        String name = in.substring(at + 1, close);
        at = close + 2;
        boolean not = name.startsWith("^");
        String set = propertySet(not ? name.substring(1) : name);
        if (name.endsWith("punct")) set += "\\p{S}"; // unlike \p{Punct}
        return (not ? "[^" : "[") + set + "]";
    }

    private static void literal(StringBuilder out, int c) {
        if (c < 128 && Character.isLetterOrDigit(c) || c == ' ' || c == '\'') out.append((char) c);
        else out.append(String.format("\\x{%x}", c));
    }

    private boolean next(char c) {
        if (at >= in.length() || in.charAt(at) != c) return false;
        at++;
        return true;
    }

    private int take() {
        if (at >= in.length()) throw error("an end too early");
        int c = in.codePointAt(at);
        at += Character.charCount(c);
        return c;
    }

    private IllegalArgumentException error(String what) {
        return new IllegalArgumentException(what + " at character " + at + " of the regular expression");
    }
}
