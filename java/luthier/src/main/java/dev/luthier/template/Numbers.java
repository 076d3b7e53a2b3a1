package dev.luthier.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Pattern;

/**
 * Python's numbers. An integer is a {@link Long} where it fits and a {@link BigInteger} where not, a float is a
 * {@link Double}, and a {@link Boolean} counts as the integer 0 or 1.
 */
final class Numbers {
    private static final Pattern FLOAT_TEXT = Pattern.compile(
            "[+-]?(?:(?:\\d(?:_?\\d)*)(?:\\.(?:\\d(?:_?\\d)*)?)?|\\.\\d(?:_?\\d)*)(?:[eE][+-]?\\d(?:_?\\d)*)?");
    private static final Pattern NAMED_FLOAT = Pattern.compile("([+-]?)(inf|infinity|nan)", Pattern.CASE_INSENSITIVE);
    private static final int MAX_DIGITS = 4300;

    private Numbers() { }

    static boolean isNumber(Object v) {
        return v instanceof Number || v instanceof Boolean;
    }

    static boolean isInteger(Object v) {
        return v instanceof Long || v instanceof BigInteger || v instanceof Boolean;
    }

    /** Turns a boolean into its integer and leaves other numbers alone. */
    static Object plain(Object v) {
        return v instanceof Boolean b ? (Object) (b ? 1L : 0L) : v;
    }

    static Object shrink(BigInteger v) {
        return v.bitLength() < 64 ? (Object) v.longValue() : v;
    }

    static BigInteger big(Object integer) {
        Object p = plain(integer);
        return p instanceof BigInteger b ? b : BigInteger.valueOf((Long) p);
    }

    static double toDouble(Object number) {
        Object p = plain(number);
        if (p instanceof BigInteger b) {
            double d = b.doubleValue();
            if (Double.isInfinite(d)) {
                throw Failure.of("int too large to convert to float");
            }
            return d;
        }
        return ((Number) p).doubleValue();
    }

    /** Orders two numbers by value; NaN answers null. */
    static Integer compare(Object a, Object b) {
        Object x = plain(a);
        Object y = plain(b);
        if (x instanceof Long l && y instanceof Long m) {
            return Long.compare(l, m);
        }
        if (x instanceof Double d && y instanceof Double e) {
            return d.isNaN() || e.isNaN() ? null : (Integer) (d < e ? -1 : d > e ? 1 : 0);
        }
        if (x instanceof Double d && !Double.isFinite(d)) {
            return d.isNaN() ? null : (Integer) (d < 0 ? -1 : 1);
        }
        if (y instanceof Double e && !Double.isFinite(e)) {
            return e.isNaN() ? null : (Integer) (e < 0 ? 1 : -1);
        }
        return exact(x).compareTo(exact(y));
    }

    private static BigDecimal exact(Object v) {
        return v instanceof Double d ? new BigDecimal(d) : new BigDecimal(big(v));
    }

    /** The integer that a list index, a width or a count gives; null where the value is no integer. */
    static Long index(Object v) {
        Object p = plain(v);
        if (p instanceof BigInteger b) {
            return b.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
        return p instanceof Long l ? l : null;
    }

    /** An integer part of a finite float. */
    static Object truncate(double d) {
        if (Double.isNaN(d) || Double.isInfinite(d)) {
            throw Failure.of("cannot convert float " + (Double.isNaN(d) ? "NaN" : "infinity") + " to integer");
        }
        return shrink(new BigDecimal(d).toBigInteger());
    }

    /** Reads a float as Python's {@code float(text)} does; null where the text is none. */
    static Double parseFloat(String text) {
        String s = Text.strip(text, Text::isSpace, true, true);
        var named = NAMED_FLOAT.matcher(s);
        if (named.matches()) {
            double d = Character.toLowerCase(named.group(2).charAt(0)) == 'n' ? Double.NaN : Double.POSITIVE_INFINITY;
            return named.group(1).equals("-") ? -d : d;
        }
        return s.length() <= MAX_DIGITS && FLOAT_TEXT.matcher(s).matches() ? Double.valueOf(s.replace("_", "")) : null;
    }

    /** Reads an integer as Python's {@code int(text, base)} does; null where the text is none. */
    static Object parseInteger(String text, int base) {
        String s = Text.strip(text, Text::isSpace, true, true);
        boolean minus = s.startsWith("-");
        if (minus || s.startsWith("+")) {
            s = s.substring(1);
        }
        int radix = base;
        if (s.length() > 1 && s.charAt(0) == '0') {
            int prefixed = switch (s.charAt(1)) {
                case 'x', 'X' -> 16;
                case 'o', 'O' -> 8;
                case 'b', 'B' -> 2;
                default -> 0;
            };
            if (prefixed != 0 && (base == 0 || base == prefixed)) {
                s = s.substring(s.startsWith("_", 2) ? 3 : 2);
                radix = prefixed;
            } else if (base == 0 && !s.replace("_", "").chars().allMatch(c -> c == '0')) {
                return null;
            }
        }
        radix = radix == 0 ? 10 : radix;
        StringBuilder digits = new StringBuilder(minus ? "-" : "");
        boolean wantDigit = true;
        for (int i = 0; i < s.length(); i++) {
            int digit = Character.digit(s.charAt(i), radix);
            if (digit < 0 && (s.charAt(i) != '_' || wantDigit)) {
                return null;
            }
            wantDigit = digit < 0;
            if (digit >= 0) {
                digits.append(Character.forDigit(digit, radix));
            }
        }
        return wantDigit || digits.length() > MAX_DIGITS ? null : shrink(new BigInteger(digits.toString(), radix));
    }
}
