package dev.luthier.data.source;

import dev.luthier.data.DataException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which rows to use: {@code train}, {@code train[0:200]}, {@code train[:10%]}, {@code train[-100:]}, parts joined by
 * {@code +}. Bounds are row numbers from 0, or percents; a negative bound counts from the end; the upper bound is
 * outside. Percents are rounded to the nearest row; with {@code (pct1_dropremainder)} behind the bracket one percent is
 * a whole number of rows and the rest is left out. Bad rows count, so that numbers do not move when a row is corrected.
 *
 * <p>Source: the slicing syntax of Hugging Face datasets.
 */
public record SplitSpec(List<Part> parts) {
    /** A bound: null where it was left out. */
    record Bound(long value, boolean percent) {}

    /** One part: the rows of the files of {@code name} between two bounds. */
    record Part(String name, Bound from, Bound to, boolean dropRemainder) {
        boolean needsCount() {
            return needsCount(from) || needsCount(to);
        }

        private static boolean needsCount(Bound b) {
            return b != null && (b.percent || b.value < 0);
        }
    }

    private static final Pattern PART = Pattern.compile(
            "\\s*([A-Za-z0-9_.-]+)\\s*(?:\\[\\s*(-?\\d{1,18}%?)?\\s*:\\s*(-?\\d{1,18}%?)?\\s*\\]"
                    + "\\s*(?:\\(\\s*(closest|pct1_dropremainder)\\s*\\))?)?\\s*");
    private static final Pattern SPLIT_IN_NAME =
            Pattern.compile("(?:^|[^a-z])(train|test|validation|valid|val|dev|eval)(?:[^a-z]|$)");

    /** Everything there is. */
    public static final SplitSpec ALL = new SplitSpec(List.of(new Part("all", null, null, false)));

    public static SplitSpec parse(String text) {
        List<Part> parts = new ArrayList<>();
        for (String piece : text.split("\\+", -1)) {
            Matcher m = PART.matcher(piece);
            if (!m.matches()) {
                throw DataException.of("split '" + text + "' is not understood at '" + piece.strip()
                        + "'; write for example train, train[0:200], train[:10%] or train[-100:], joined by +");
            }
            parts.add(new Part(m.group(1), bound(text, m.group(2)), bound(text, m.group(3)),
                    "pct1_dropremainder".equals(m.group(4))));
        }
        return new SplitSpec(List.copyOf(parts));
    }

    private static Bound bound(String text, String s) {
        if (s == null) return null;
        boolean percent = s.endsWith("%");
        long v = Long.parseLong(percent ? s.substring(0, s.length() - 1) : s);
        if (percent && (v < -100 || v > 100)) {
            throw DataException.of("split '" + text + "' has the bound " + s
                    + "; a percent must lie between -100% and 100%");
        }
        return new Bound(v, percent);
    }

    /** The chosen rows of the files, in the order of the parts. */
    public RowReader open(List<Path> files, SourceOptions options) {
        return new RowReader() {
            private int next;
            private RowReader current;
            private long at;
            private long to;

            @Override
            public Row next() {
                while (true) {
                    if (current == null) {
                        if (next == parts.size()) return null;
                        begin(parts.get(next++));
                    }
                    if (at < to) {
                        at++;
                        Row row = current.next();
                        if (row != null) return row;
                    }
                    current.close();
                    current = null;
                }
            }

            private void begin(Part part) {
                List<Path> chosen = filesOf(part.name(), files);
                long count = part.needsCount() ? count(chosen, options) : Long.MAX_VALUE;
                long from = part.from() == null ? 0 : resolve(part.from(), count, part.dropRemainder());
                to = part.to() == null ? end(part, count) : resolve(part.to(), count, part.dropRemainder());
                current = Sources.open(chosen, options);
                for (at = 0; at < from && at < to; at++) {
                    if (!skip(current)) break;
                }
            }

            @Override
            public void close() {
                if (current != null) current.close();
            }
        };
    }

    private static long end(Part part, long count) {
        return part.dropRemainder() && count != Long.MAX_VALUE ? count / 100 * 100 : count;
    }

    private static long resolve(Bound b, long count, boolean dropRemainder) {
        long v = !b.percent() ? b.value()
                : dropRemainder ? b.value() * (count / 100) : Math.round(b.value() * (count / 100.0));
        return Math.clamp(v < 0 ? v + count : v, 0, count);
    }

    /** Steps over one row, good or bad; false at the end. */
    private static boolean skip(RowReader reader) {
        try {
            return reader.next() != null;
        } catch (DataException e) {
            if (!e.isRow()) throw e;
            return true;
        }
    }

    private static long count(List<Path> files, SourceOptions options) {
        long n = 0;
        try (RowReader reader = Sources.open(files, options)) {
            while (skip(reader)) n++;
        }
        return n;
    }

    /**
     * The files of a split. Where a file name holds a split's name ({@code test.jsonl}, {@code train-00000-of-00002}),
     * it belongs to that split; where none does, all files are {@code train}.
     */
    static List<Path> filesOf(String name, List<Path> files) {
        if (name.equals("all")) return files;
        List<Path> chosen = new ArrayList<>();
        boolean named = false;
        for (Path f : files) {
            String split = splitOf(f);
            named |= split != null;
            if (split != null && split.equals(canonical(name))) chosen.add(f);
        }
        if (!chosen.isEmpty()) return chosen;
        if (!named && canonical(name).equals("train")) return files;
        throw DataException.of("no data file belongs to the split '" + name + "'; it is found by names such as "
                + name + ".jsonl or " + name + "-00000-of-00001.parquet, and without such names all files are 'train'");
    }

    private static String splitOf(Path file) {
        Matcher m = SPLIT_IN_NAME.matcher(String.valueOf(file.getFileName()).toLowerCase(java.util.Locale.ROOT));
        return m.find() ? canonical(m.group(1)) : null;
    }

    private static String canonical(String split) {
        return switch (split) {
            case "valid", "val", "dev", "eval" -> "validation";
            default -> split;
        };
    }
}
