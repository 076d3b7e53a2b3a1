package dev.luthier.template;

import java.util.ArrayList;
import java.util.List;

/** Python's {@code x[start:stop:step]}. */
final class Slices {
    private final long start;
    private final long step;
    private final int count;

    private Slices(Object from, Object to, Object by, int length) {
        step = by == null ? 1 : bound(by);
        if (step == 0) {
            throw Failure.of("slice step cannot be zero");
        }
        long low = step > 0 ? 0 : -1;
        long high = step > 0 ? length : length - 1L;
        start = from == null ? step > 0 ? low : high : clamp(bound(from), length, low, high);
        long stop = to == null ? step > 0 ? high : low : clamp(bound(to), length, low, high);
        long span = step > 0 ? stop - start : start - stop;
        long size = step == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(step);
        count = span <= 0 ? 0 : (int) ((span - 1) / size + 1);
    }

    private static long bound(Object v) {
        Long n = Numbers.index(v);
        if (n == null) {
            throw Failure.of("slice indices must be integers or None, found " + Values.typeName(v));
        }
        return n;
    }

    private static long clamp(long v, int length, long low, long high) {
        long at = v < 0 ? Math.max(v, -length - 1L) + length : v;
        return Math.clamp(at, low, high);
    }

    static Object slice(Meter meter, Object target, Object from, Object to, Object by) {
        return switch (target) {
            case String s -> text(meter, s, from, to, by);
            case Markup m -> new Markup(text(meter, m.text(), from, to, by));
            case Range r -> {
                Slices s = new Slices(from, to, by, r.size());
                long first = r.start + s.start * r.step;
                long step = r.step * (s.count > 1 ? s.step : 1);
                yield new Range(first, first + s.count * step, step, meter.limits().range());
            }
            case List<?> l -> elements(meter, l, from, to, by);
            case Tuple t -> new Tuple(elements(meter, t.items(), from, to, by));
            case Undefined u -> throw u.failure();
            case Dict d -> throw Failure.of("unhashable type: 'slice'");
            case null, default -> throw Failure.of("'" + Values.typeName(target) + "' object is not subscriptable");
        };
    }

    private static List<Object> elements(Meter meter, List<?> list, Object from, Object to, Object by) {
        Slices s = new Slices(from, to, by, list.size());
        meter.elements(s.count);
        List<Object> made = new ArrayList<>(s.count);
        for (int i = 0; i < s.count; i++) {
            made.add(list.get((int) (s.start + i * s.step)));
        }
        return made;
    }

    private static String text(Meter meter, String text, Object from, Object to, Object by) {
        int length = Text.length(text);
        Slices s = new Slices(from, to, by, length);
        if (s.step == 1) {
            int begin = Text.unit(text, (int) s.start);
            return meter.made(text.substring(begin, text.offsetByCodePoints(begin, s.count)));
        }
        int[] points = text.codePoints().toArray();
        meter.text(points.length);
        StringBuilder made = new StringBuilder(s.count);
        for (int i = 0; i < s.count; i++) {
            made.appendCodePoint(points[(int) (s.start + i * s.step)]);
        }
        return made.toString();
    }
}
