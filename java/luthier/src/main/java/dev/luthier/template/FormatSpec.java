package dev.luthier.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's format specification mini-language, {@code [[fill]align][sign][#][0][width][,][.precision][type]}. */
record FormatSpec(int fill, char align, char sign, boolean alternate, boolean zero, long width, char grouping,
        int precision, char type) {
    private static final Pattern SPEC = Pattern.compile(
            "(?s)(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\\d{1,9})?([,_])?(?:\\.(\\d{1,9}))?([a-zA-Z%])?");
    private static final int MAX_PRECISION = 10_000;

    static FormatSpec parse(String spec) {
        Matcher m = SPEC.matcher(spec);
        if (!m.matches()) {
            throw Failure.of("invalid format specifier '" + spec + "'");
        }
        int precision = m.group(8) == null ? -1 : Integer.parseInt(m.group(8));
        if (precision > MAX_PRECISION) {
            throw Failure.limit("a precision of " + precision + " digits; at most " + MAX_PRECISION + " are given");
        }
        return new FormatSpec(m.group(1) == null ? m.group(5) != null && m.group(2) == null ? '0' : ' '
                : m.group(1).codePointAt(0), first(m.group(2)), first(m.group(3)), m.group(4) != null,
                m.group(5) != null, m.group(6) == null ? 0 : Long.parseLong(m.group(6)), first(m.group(7)), precision,
                first(m.group(9)));
    }

    private static char first(String group) {
        return group == null ? 0 : group.charAt(0);
    }

    String format(Meter meter, Object v) {
        if (v instanceof Double d) {
            return number(meter, d < 0 || d == 0 && 1 / d < 0, floatBody(Math.abs(d)));
        }
        if (Numbers.isNumber(v)) {
            if (type != 0 && "eEfFgG%".indexOf(type) >= 0) {
                double d = Numbers.toDouble(v);
                return number(meter, d < 0, floatBody(Math.abs(d)));
            }
            BigInteger n = Numbers.big(v);
            return type == 'c' ? pad(meter, codePoint(n), '<') : number(meter, n.signum() < 0, integerBody(n.abs()));
        }
        if (type != 0 && type != 's') {
            throw Failure.of("unknown format code '" + type + "' for object of type '" + Values.typeName(v) + "'");
        }
        String s = PythonText.str(meter, v);
        return pad(meter, precision >= 0 && precision < Text.length(s) ? s.substring(0, Text.unit(s, precision)) : s,
                '<');
    }

    private static String codePoint(BigInteger n) {
        if (n.signum() < 0 || n.bitLength() > 21 || n.intValue() > Character.MAX_CODE_POINT) {
            throw Failure.of("%c arg not in range(0x110000)");
        }
        return Character.toString(n.intValue());
    }

    private String integerBody(BigInteger n) {
        return switch (type) {
            case 0, 'd', 'n', 'i', 'u' -> group(n.toString(), 3);
            case 'x' -> (alternate ? "0x" : "") + group(n.toString(16), 4);
            case 'X' -> (alternate ? "0X" : "") + group(n.toString(16).toUpperCase(java.util.Locale.ROOT), 4);
            case 'o' -> (alternate ? "0o" : "") + group(n.toString(8), 4);
            case 'b' -> (alternate ? "0b" : "") + group(n.toString(2), 4);
            default -> throw Failure.of("unknown format code '" + type + "' for object of type 'int'");
        };
    }

    private String floatBody(double d) {
        if (!Double.isFinite(d)) {
            String name = Double.isNaN(d) ? "nan" : "inf";
            return (Character.isUpperCase(type) ? name.toUpperCase(java.util.Locale.ROOT) : name)
                    + (type == '%' ? "%" : "");
        }
        int digits = precision < 0 ? 6 : precision;
        return switch (type) {
            case 'f', 'F' -> fixed(new BigDecimal(d), digits);
            case '%' -> fixed(new BigDecimal(d * 100), digits) + "%";
            case 'e', 'E' -> exponent(new BigDecimal(d), digits);
            case 'g', 'G', 'n' -> general(d, digits == 0 ? 1 : digits, false);
            case 0 -> precision < 0 ? PythonText.of(d) : general(d, Math.max(1, precision), true);
            default -> throw Failure.of("unknown format code '" + type + "' for object of type 'float'");
        };
    }

    private String fixed(BigDecimal d, int digits) {
        String s = d.setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
        int point = s.indexOf('.');
        return point < 0 ? group(s, 3) + (alternate ? "." : "") : group(s.substring(0, point), 3) + s.substring(point);
    }

    private String exponent(BigDecimal d, int digits) {
        BigDecimal r = d.signum() == 0 ? d : d.round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
        String unscaled = r.signum() == 0 ? "0" : r.unscaledValue().toString();
        int exponent = r.signum() == 0 ? 0 : unscaled.length() - 1 - r.scale();
        String all = unscaled + "0".repeat(Math.max(0, digits + 1 - unscaled.length()));
        String s = all.charAt(0) + (digits > 0 ? "." + all.substring(1, digits + 1) : alternate ? "." : "")
                + (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
        return Character.isUpperCase(type) ? s.toUpperCase(java.util.Locale.ROOT) : s;
    }

    private String general(double d, int digits, boolean keepPoint) {
        BigDecimal r = new BigDecimal(d).round(new MathContext(digits, RoundingMode.HALF_EVEN));
        int exponent = r.signum() == 0 ? 0 : r.precision() - 1 - r.scale();
        // Without a type letter Python keeps one digit after the point, so the point may not fall off the end.
        boolean scientific = exponent < -4 || exponent >= (keepPoint ? digits - 1 : digits);
        String s;
        if (scientific) {
            String text = exponent(r, digits - 1);
            int e = text.toLowerCase(java.util.Locale.ROOT).indexOf('e');
            s = (alternate ? text.substring(0, e) : stripZeros(text.substring(0, e))) + text.substring(e);
        } else {
            String text = r.signum() == 0 ? "0" : r.setScale(Math.max(0, digits - 1 - exponent), RoundingMode.HALF_EVEN)
                    .toPlainString();
            String trimmed = alternate ? text : stripZeros(text);
            int point = trimmed.indexOf('.');
            s = point < 0 ? group(trimmed, 3) + (keepPoint ? ".0" : "")
                    : group(trimmed.substring(0, point), 3) + trimmed.substring(point);
        }
        return s;
    }

    private static String stripZeros(String s) {
        if (s.indexOf('.') < 0) {
            return s;
        }
        int end = s.length();
        while (s.charAt(end - 1) == '0') {
            end--;
        }
        return s.substring(0, s.charAt(end - 1) == '.' ? end - 1 : end);
    }

    private String group(String digits, int size) {
        if (grouping == 0) {
            return digits;
        }
        StringBuilder out = new StringBuilder(digits);
        for (int at = digits.length() - size; at > 0; at -= size) {
            out.insert(at, grouping);
        }
        return out.toString();
    }

    private String number(Meter meter, boolean negative, String body) {
        String prefix = negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "";
        boolean inner = align == '=' || align == 0 && zero;
        if (!inner) {
            return pad(meter, prefix + body, '>');
        }
        int base = body.length() > 1 && body.charAt(0) == '0' && Character.isLetter(body.charAt(1)) ? 2 : 0;
        String head = prefix + body.substring(0, base);
        return head + Text.pad(meter, body.substring(base), width - head.length(), fill, '>');
    }

    private String pad(Meter meter, String s, char otherwise) {
        char side = align == 0 || align == '=' ? otherwise : align;
        return meter.made(Text.pad(meter, s, width, fill, side));
    }
}
