package dev.luthier.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** The operators {@code + - * / // % **} and the signs, as Python computes them. */
final class Arithmetic {
    private Arithmetic() { }

    static Object binary(Rendering r, String op, Object a, Object b) {
        Meter meter = r.meter();
        if (op.equals("%") && Values.isText(a)) {
            String made = PercentFormat.format(r, Values.text(a), b, a instanceof Markup);
            return a instanceof Markup ? new Markup(made) : made;
        }
        if (a instanceof Undefined u) {
            throw u.failure();
        }
        if (b instanceof Undefined u) {
            throw u.failure();
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return a instanceof Double || b instanceof Double
                    ? floats(op, Numbers.toDouble(a), Numbers.toDouble(b))
                    : integers(meter, op, Numbers.plain(a), Numbers.plain(b));
        }
        Object sequence = switch (op) {
            case "+" -> concatenate(meter, a, b);
            case "*" -> Numbers.isInteger(b) ? repeat(meter, a, Numbers.index(b))
                    : Numbers.isInteger(a) ? repeat(meter, b, Numbers.index(a)) : null;
            default -> null;
        };
        if (sequence == null) {
            throw Failure.of("unsupported operand types for " + op + ": '" + Values.typeName(a) + "' and '"
                    + Values.typeName(b) + "'");
        }
        return sequence;
    }

    private static Object concatenate(Meter meter, Object a, Object b) {
        if (Values.isText(a) && Values.isText(b)) {
            boolean markup = a instanceof Markup || b instanceof Markup;
            String left = markup && a instanceof String s ? Text.escapeHtml(s) : Values.text(a);
            String right = markup && b instanceof String s ? Text.escapeHtml(s) : Values.text(b);
            meter.text((long) left.length() + right.length());
            return markup ? new Markup(left + right) : (Object) (left + right);
        }
        if (a instanceof Tuple t && b instanceof Tuple u) {
            return new Tuple(join(meter, t.items(), u.items()));
        }
        boolean lists = a instanceof List && b instanceof List && !(a instanceof Range) && !(b instanceof Range);
        return lists ? join(meter, (List<?>) a, (List<?>) b) : null;
    }

    private static List<Object> join(Meter meter, List<?> a, List<?> b) {
        meter.elements((long) a.size() + b.size());
        List<Object> all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }

    private static Object repeat(Meter meter, Object v, long times) {
        return switch (v) {
            case String s -> Text.repeat(meter, s, times);
            case Markup m -> new Markup(Text.repeat(meter, m.text(), times));
            case Tuple t -> new Tuple(repeat(meter, t.items(), times));
            case Range r -> null;
            case List<?> l -> repeat(meter, l, times);
            case null, default -> null;
        };
    }

    private static List<Object> repeat(Meter meter, List<?> list, long times) {
        List<Object> all = new ArrayList<>();
        for (long i = 0; i < times && !list.isEmpty(); i++) {
            meter.elements(list.size());
            all.addAll(list);
        }
        return all;
    }

    private static Object integers(Meter meter, String op, Object a, Object b) {
        if (op.equals("/")) {
            requireDivisor(b);
            return Numbers.toDouble(a) / Numbers.toDouble(b);
        }
        if (a instanceof Long x && b instanceof Long y) {
            Long small = smallIntegers(op, x, y);
            if (small != null) {
                return small;
            }
        }
        BigInteger x = Numbers.big(a);
        BigInteger y = Numbers.big(b);
        return switch (op) {
            case "+" -> sized(meter, x.add(y));
            case "-" -> sized(meter, x.subtract(y));
            case "*" -> {
                meter.integerBits((long) x.bitLength() + y.bitLength());
                yield Numbers.shrink(x.multiply(y));
            }
            case "**" -> power(meter, x, y);
            default -> {
                requireDivisor(b);
                BigInteger[] parts = x.divideAndRemainder(y);
                boolean adjust = parts[1].signum() != 0 && parts[1].signum() != y.signum();
                yield Numbers.shrink(op.equals("//") ? adjust ? parts[0].subtract(BigInteger.ONE) : parts[0]
                        : adjust ? parts[1].add(y) : parts[1]);
            }
        };
    }

    /** The common case; null where the result needs more than 64 bits or another way. */
    private static Long smallIntegers(String op, long x, long y) {
        return switch (op) {
            case "+" -> {
                long sum = x + y;
                yield ((x ^ sum) & (y ^ sum)) < 0 ? null : (Long) sum;
            }
            case "-" -> {
                long difference = x - y;
                yield ((x ^ y) & (x ^ difference)) < 0 ? null : (Long) difference;
            }
            case "*" -> {
                long product = x * y;
                yield Math.multiplyHigh(x, y) != product >> 63 ? null : (Long) product;
            }
            case "//" -> y == 0 || y == -1 ? null : (Long) Math.floorDiv(x, y);
            case "%" -> y == 0 ? null : (Long) Math.floorMod(x, y);
            default -> null;
        };
    }

    private static Object sized(Meter meter, BigInteger v) {
        meter.integerBits(v.bitLength());
        return Numbers.shrink(v);
    }

    private static Object power(Meter meter, BigInteger x, BigInteger y) {
        if (y.signum() < 0) {
            return floats("**", Numbers.toDouble(x), Numbers.toDouble(y));
        }
        int bits = x.abs().bitLength();
        if (bits <= 1) {
            boolean even = !y.testBit(0);
            return y.signum() == 0 ? 1L : x.signum() < 0 && even ? 1L : Numbers.shrink(x);
        }
        meter.integerBits(y.bitLength() > 31 ? Long.MAX_VALUE : bits * y.longValue());
        return Numbers.shrink(x.pow(y.intValue()));
    }

    private static void requireDivisor(Object b) {
        if (!Values.truth(b)) {
            throw Failure.of("division by zero");
        }
    }

    private static Object floats(String op, double a, double b) {
        return switch (op) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "**" -> power(a, b);
            default -> {
                requireDivisor(b);
                yield switch (op) {
                    case "/" -> a / b;
                    case "%" -> modulo(a, b);
                    default -> floorDivide(a, b);
                };
            }
        };
    }

    private static double power(double a, double b) {
        if (a == 0 && b < 0) {
            throw Failure.of("0.0 cannot be raised to a negative power");
        }
        double result = a == 1 ? 1 : Math.pow(a, b);
        if (Double.isInfinite(result) && Double.isFinite(a) && Double.isFinite(b)) {
            throw Failure.of("the result of ** is too large");
        }
        if (Double.isNaN(result) && !Double.isNaN(a) && !Double.isNaN(b)) {
            throw Failure.of("a negative number cannot be raised to a fractional power");
        }
        return result;
    }

    private static double modulo(double a, double b) {
        double mod = a % b;
        return mod == 0 ? Math.copySign(0, b) : mod < 0 == b < 0 ? mod : mod + b;
    }

    private static double floorDivide(double a, double b) {
        double mod = a % b;
        double div = (a - mod) / b;
        if (mod != 0 && mod < 0 != b < 0) {
            div -= 1;
        }
        if (div == 0) {
            return Math.copySign(0, a / b);
        }
        double floor = Math.floor(div);
        return div - floor > 0.5 ? floor + 1 : floor;
    }

    static Object sign(String op, Object v) {
        if (v instanceof Undefined u) {
            throw u.failure();
        }
        if (!Numbers.isNumber(v)) {
            throw Failure.of("bad operand type for unary " + op + ": '" + Values.typeName(v) + "'");
        }
        Object n = Numbers.plain(v);
        if (op.equals("+")) {
            return n;
        }
        return n instanceof Double d ? (Object) (-d) : Numbers.shrink(Numbers.big(n).negate());
    }
}
