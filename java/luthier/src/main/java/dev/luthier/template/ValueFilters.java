package dev.luthier.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;

/** Filters for numbers, and those that do not care what kind of value they get. */
final class ValueFilters {
    private static final int MAX_ROUNDING = 400;
    private static final String[] DECIMAL_UNITS = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    private static final String[] BINARY_UNITS = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};

    private ValueFilters() { }

    static void addTo(Map<String, Filters.Filter> all) {
        Filters.Filter otherwise = (r, v, a) -> {
            Arguments.Bound b = a.bind("default", 0, "default_value", "boolean");
            boolean absent = v instanceof Undefined || b.flag(1, false) && !Values.truth(v);
            return absent ? b.get(0, "") : v;
        };
        all.put("default", otherwise);
        all.put("d", otherwise);
        all.put("attr", (r, v, a) -> {
            String name = a.bind("attr", 1, "name").text(0, null);
            Object member = Attributes.member(r, v, name);
            return member == Values.ABSENT ? Undefined.member(v, name) : member;
        });
        all.put("abs", (r, v, a) -> {
            a.bind("abs", 0);
            boolean negative = Numbers.isNumber(v) && Numbers.toDouble(v) < 0;
            return Arithmetic.sign(negative ? "-" : "+", v instanceof Double d && d == 0 ? (Object) 0.0 : v);
        });
        all.put("int", ValueFilters::integer);
        all.put("float", (r, v, a) -> {
            Double d = real(v);
            return d == null ? a.bind("float", 0, "default").get(0, 0.0) : d;
        });
        all.put("round", ValueFilters::round);
        all.put("filesizeformat", ValueFilters::fileSize);
    }

    private static Double real(Object v) {
        if (v instanceof Undefined u) {
            throw u.failure();
        }
        return Numbers.isNumber(v) ? (Double) Numbers.toDouble(v)
                : Values.isText(v) ? Numbers.parseFloat(Values.text(v)) : null;
    }

    private static Object integer(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("int", 0, "default", "base");
        Object otherwise = b.get(0, 0L);
        if (Values.isText(v)) {
            long base = b.integer(1, 10);
            boolean possible = base == 0 || base >= 2 && base <= 36;
            Object n = possible ? Numbers.parseInteger(Values.text(v), (int) base) : null;
            if (n != null) {
                return n;
            }
            Double d = Numbers.parseFloat(Values.text(v));
            return d == null || !Double.isFinite(d) ? otherwise : Numbers.truncate(d);
        }
        Double d = real(v);
        if (d == null || d.isNaN()) {
            return otherwise;
        }
        return v instanceof Double ? Numbers.truncate(d) : Numbers.plain(v);
    }

    private static Object round(Rendering r, Object v, Arguments a) {
        Arguments.Bound b = a.bind("round", 0, "precision", "method");
        long precision = Math.clamp(b.integer(0, 0), -MAX_ROUNDING, MAX_ROUNDING);
        String method = b.text(1, "common");
        if (v instanceof Undefined u) {
            throw u.failure();
        }
        if (!Numbers.isNumber(v)) {
            throw Failure.of("type " + Values.typeName(v) + " doesn't define __round__ method");
        }
        return switch (method) {
            case "common" -> common(v, (int) precision);
            case "ceil", "floor" -> {
                Object scale = Arithmetic.binary(r, "**", 10L, precision);
                double scaled = Numbers.toDouble(Arithmetic.binary(r, "*", v, scale));
                Object whole = Numbers.truncate(method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled));
                yield Arithmetic.binary(r, "/", whole, scale);
            }
            default -> throw Failure.of("method must be common, ceil or floor, not '" + method + "'");
        };
    }

    private static Object common(Object v, int precision) {
        if (v instanceof Double d) {
            return !Double.isFinite(d) ? d : (Object) Math.copySign(new BigDecimal(d)
                    .setScale(precision, RoundingMode.HALF_EVEN).doubleValue(), d);
        }
        BigInteger n = Numbers.big(v);
        return precision >= 0 ? Numbers.shrink(n) : Numbers.shrink(new BigDecimal(n)
                .setScale(precision, RoundingMode.HALF_EVEN).toBigInteger());
    }

    private static String fileSize(Rendering r, Object v, Arguments a) {
        boolean binary = a.bind("filesizeformat", 0, "binary").flag(0, false);
        Double bytes = real(v);
        if (bytes == null) {
            throw Failure.of("filesizeformat wants a number, found " + Values.typeName(v));
        }
        double base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return PythonText.str(r.meter(), Numbers.truncate(bytes)) + " Bytes";
        }
        String[] units = binary ? BINARY_UNITS : DECIMAL_UNITS;
        double scaled = bytes / base;
        int unit = 0;
        while (scaled >= base && unit < units.length - 1) {
            scaled /= base;
            unit++;
        }
        return FormatSpec.parse(".1f").format(r.meter(), scaled) + " " + units[unit];
    }
}
