package dev.luthier.template;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens and settles the whitespace: {@code trim_blocks} (a newline after a block tag goes),
 * {@code lstrip_blocks} (blanks before a block tag that starts its line go), the signs {@code -} and {@code +} on tags,
 * one newline at the end of the template gone, and every line end turned into {@code \n}.
 */
final class Lexer {
    private static final Pattern FLOAT = Pattern.compile(
            "(?<!\\.)(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
    private static final Pattern INTEGER =
            Pattern.compile("0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
    private static final String[] LONG_OPERATORS = {"//", "**", "==", "!=", ">=", "<="};
    private static final String SHORT_OPERATORS = "+-/*%~[](){}><=.:|,;";
    private static final int MAX_DIGITS = 4300;

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int pos;
    private int line = 1;
    private int lineCountedTo;
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    /** Returns the tokens, the last of type {@link Token.Type#END}. */
    static List<Token> tokens(String source) {
        String text = source.replace("\r\n", "\n").replace('\r', '\n');
        if (text.endsWith("\n")) {
            text = text.substring(0, text.length() - 1);
        }
        Lexer lexer = new Lexer(text);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (pos < source.length()) {
            int tag = nextTag(pos);
            if (tag < 0) {
                add(Token.Type.DATA, source.substring(pos), pos);
                pos = source.length();
                break;
            }
            char kind = source.charAt(tag + 1);
            int dataStart = pos;
            int rawBody = kind == '%' ? rawBegin(tag) : -1;
            char sign = sign(tag + 2);
            data(dataStart, tag, sign, kind != '{' || rawBody >= 0);
            if (rawBody >= 0) {
                raw(rawBody);
            } else {
                pos = tag + (sign == 0 ? 2 : 3);
                lineStarting = false;
                switch (kind) {
                    case '#' -> comment(tag);
                    case '%' -> code(tag, true);
                    default -> code(tag, false);
                }
            }
        }
        add(Token.Type.END, "", source.length());
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char c = source.charAt(i + 1);
            if (c == '%' || c == '{' || c == '#') {
                return i;
            }
        }
        return -1;
    }

    private char sign(int at) {
        char c = at < source.length() ? source.charAt(at) : 0;
        return c == '-' || c == '+' ? c : 0;
    }

    /** Emits the text before a tag, stripped as the tag's sign and {@code lstrip_blocks} ask. */
    private void data(int start, int end, char sign, boolean block) {
        String text = source.substring(start, end);
        if (sign == '-') {
            text = Text.stripEnd(text);
        } else if (sign != '+' && block) {
            int lineStart = text.lastIndexOf('\n') + 1;
            if ((lineStart > 0 || lineStarting) && lineStart < text.length()
                    && Text.stripEnd(text.substring(lineStart)).isEmpty()) {
                text = text.substring(0, lineStart);
            }
        }
        if (!text.isEmpty()) {
            add(Token.Type.DATA, text, start);
        }
    }

    /** Returns where the body of {@code {% raw %}} starts when the tag at this place is one, else -1. */
    private int rawBegin(int tag) {
        int at = tag + 2 + (sign(tag + 2) == 0 ? 0 : 1);
        return wordTag(at, "raw", false);
    }

    /** Matches blanks, a word, blanks and the end of a block tag; returns the place after it, or -1. */
    private int wordTag(int from, String word, boolean closing) {
        int at = skipSpace(from);
        if (!source.startsWith(word, at)) {
            return -1;
        }
        at = skipSpace(at + word.length());
        if (source.startsWith("-%}", at)) {
            return skipSpace(at + 3);
        }
        if (closing && source.startsWith("+%}", at)) {
            return at + 3;
        }
        if (!source.startsWith("%}", at)) {
            return -1;
        }
        at += 2;
        return closing && at < source.length() && source.charAt(at) == '\n' ? at + 1 : at;
    }

    private void raw(int body) {
        lineStarting = body > 0 && source.charAt(body - 1) == '\n';
        for (int tag = source.indexOf("{%", body); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            char sign = sign(tag + 2);
            int after = wordTag(tag + 2 + (sign == 0 ? 0 : 1), "endraw", true);
            if (after >= 0) {
                data(body, tag, sign, true);
                moveTo(after);
                return;
            }
        }
        throw error("'{% raw %}' has no '{% endraw %}'", body);
    }

    private void comment(int tag) {
        int close = source.indexOf("#}", pos);
        if (close < 0) {
            throw error("the comment that starts here has no '#}'", tag);
        }
        // A sign directly before the end belongs to the tag, but not the one that the start already took.
        char before = close > pos ? source.charAt(close - 1) : 0;
        int after = close + 2;
        if (before == '-') {
            after = skipSpace(after);
        } else if (before != '+' && after < source.length() && source.charAt(after) == '\n') {
            after++;
        }
        moveTo(after);
    }

    private void moveTo(int after) {
        pos = after;
        lineStarting = source.charAt(after - 1) == '\n';
    }

    private void code(int tag, boolean block) {
        add(block ? Token.Type.BLOCK_BEGIN : Token.Type.VARIABLE_BEGIN, source.substring(tag, pos), tag);
        ArrayDeque<Character> open = new ArrayDeque<>();
        while (pos < source.length()) {
            if (open.isEmpty() && end(block)) {
                return;
            }
            int c = source.codePointAt(pos);
            if (Text.isSpace(c)) {
                pos += Character.charCount(c);
            } else if (!number(c) && !name(c) && !string(c) && !operator(c, open)) {
                throw error("unexpected character '" + Character.toString(c) + "'", pos);
            }
        }
    }

    private boolean end(boolean block) {
        String close = block ? "%}" : "}}";
        int start = pos;
        boolean minus = source.startsWith("-" + close, pos);
        boolean plus = block && source.startsWith("+" + close, pos);
        if (!minus && !plus && !source.startsWith(close, pos)) {
            return false;
        }
        int after = pos + (minus || plus ? 3 : 2);
        if (minus) {
            after = skipSpace(after);
        } else if (block && !plus && after < source.length() && source.charAt(after) == '\n') {
            after++;
        }
        add(block ? Token.Type.BLOCK_END : Token.Type.VARIABLE_END, close, start);
        moveTo(after);
        return true;
    }

    private boolean number(int c) {
        if (c < '0' || c > '9') {
            return false;
        }
        Matcher m = FLOAT.matcher(source).region(pos, source.length()).useTransparentBounds(true);
        if (m.lookingAt()) {
            add(Token.Type.FLOAT, m.group(), Double.valueOf(m.group().replace("_", "")), pos);
            pos = m.end();
            return true;
        }
        m = INTEGER.matcher(source).region(pos, source.length());
        if (!m.lookingAt()) {
            return false;
        }
        String digits = m.group().replace("_", "");
        if (digits.length() > MAX_DIGITS) {
            throw error("a number of " + digits.length() + " digits; at most " + MAX_DIGITS + " are read", pos);
        }
        int radix = digits.length() < 2 ? 10 : switch (digits.charAt(1)) {
            case 'x', 'X' -> 16;
            case 'o', 'O' -> 8;
            case 'b', 'B' -> 2;
            default -> 10;
        };
        BigInteger value = new BigInteger(radix == 10 ? digits : digits.substring(2), radix);
        add(Token.Type.INTEGER, m.group(), Numbers.shrink(value), pos);
        pos = m.end();
        return true;
    }

    private boolean name(int c) {
        if (c != '_' && !Character.isUnicodeIdentifierStart(c)) {
            return false;
        }
        int end = pos;
        while (end < source.length()) {
            int cp = source.codePointAt(end);
            if (!Character.isUnicodeIdentifierPart(cp) || Character.isIdentifierIgnorable(cp)) {
                break;
            }
            end += Character.charCount(cp);
        }
        add(Token.Type.NAME, source.substring(pos, end), pos);
        pos = end;
        return true;
    }

    private boolean string(int quote) {
        if (quote != '\'' && quote != '"') {
            return false;
        }
        int end = pos + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error("the string that starts here has no closing " + (char) quote, pos);
        }
        String raw = source.substring(pos + 1, end);
        String value;
        try {
            value = StringEscapes.decode(raw);
        } catch (IllegalArgumentException e) {
            throw error(e.getMessage(), pos);
        }
        add(Token.Type.STRING, raw, value, pos);
        pos = end + 1;
        return true;
    }

    private boolean operator(int c, ArrayDeque<Character> open) {
        for (String operator : LONG_OPERATORS) {
            if (source.startsWith(operator, pos)) {
                add(Token.Type.OPERATOR, operator, pos);
                pos += 2;
                return true;
            }
        }
        if (SHORT_OPERATORS.indexOf(c) < 0) {
            return false;
        }
        switch (c) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty()) {
                    throw error("unexpected '" + (char) c + "'", pos);
                }
                char wanted = open.pop();
                if (wanted != c) {
                    throw error("unexpected '" + (char) c + "', expected '" + wanted + "'", pos);
                }
            }
            default -> { }
        }
        add(Token.Type.OPERATOR, Character.toString(c), pos);
        pos++;
        return true;
    }

    private int skipSpace(int from) {
        int at = from;
        while (at < source.length() && Text.isSpace(source.codePointAt(at))) {
            at += Character.charCount(source.codePointAt(at));
        }
        return at;
    }

    private void add(Token.Type type, String text, int at) {
        add(type, text, text, at);
    }

    private void add(Token.Type type, String text, Object value, int at) {
        tokens.add(new Token(type, text, value, lineOf(at)));
    }

    private int lineOf(int at) {
        for (; lineCountedTo < at; lineCountedTo++) {
            if (source.charAt(lineCountedTo) == '\n') {
                line++;
            }
        }
        return line;
    }

    private TemplateException error(String message, int at) {
        int found = 1;
        for (int i = 0; i < at; i++) {
            found += source.charAt(i) == '\n' ? 1 : 0;
        }
        return new TemplateException(TemplateException.Kind.SYNTAX, found, message);
    }
}
