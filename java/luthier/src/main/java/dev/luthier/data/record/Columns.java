package dev.luthier.data.record;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Which column of a set of columns means what, and the shape that follows from it. */
public record Columns(Shape shape, Map<Field, String> names) {
    /** The user's own assignment ({@code --columns question=Q,answer=A}); a field set to nothing is not used. */
    public record Overrides(Map<Field, String> names) {
        public static final Overrides NONE = new Overrides(Map.of());

        public static Overrides parse(String spec) {
            Map<Field, String> names = new EnumMap<>(Field.class);
            for (String pair : spec.split(",")) {
                if (pair.isBlank()) continue;
                int eq = pair.indexOf('=');
                if (eq < 0) {
                    throw DataException.of("--columns has '" + pair.strip()
                            + "'; write FIELD=COLUMN, for example question=Frage,answer=Antwort");
                }
                Field field = field(pair.substring(0, eq).strip());
                if (names.put(field, pair.substring(eq + 1).strip()) != null) {
                    throw DataException.of("--columns names the field '" + field.label() + "' twice");
                }
            }
            return new Overrides(Map.copyOf(names));
        }

        private static Field field(String name) {
            for (Field f : Field.values()) {
                if (f.label().equals(name)) return f;
            }
            throw DataException.of("--columns has the field '" + name + "', which is not known; fields are "
                    + Arrays.stream(Field.values()).map(Field::label).collect(Collectors.joining(", ")));
        }
    }

    /**
     * Recognises a row's columns.
     *
     * @throws DataException of the row, when no shape fits
     */
    static Columns recognise(Collection<String> present, Overrides overrides, Origin origin) {
        Finder finder = new Finder(present, overrides, origin);
        Map<Field, String> found = new EnumMap<>(Field.class);
        for (Field f : Field.values()) {
            String column = finder.column(f);
            if (column != null) found.put(f, column);
        }
        if (found.get(Field.INPUT) != null && found.get(Field.INPUT).equals(found.get(Field.QUESTION))) {
            found.remove(Field.INPUT);
        }
        return new Columns(shape(found, present, overrides, origin), found);
    }

    private static Shape shape(Map<Field, String> found, Collection<String> present, Overrides overrides,
            Origin origin) {
        Set<Field> has = found.keySet();
        // What the user named decides before what is merely there.
        Shape chosen = shape(overrides.names.keySet().stream().filter(has::contains).collect(Collectors.toSet()), true);
        if (chosen == null) chosen = shape(has, false);
        if (chosen == Shape.QUESTION_ANSWER && !has.contains(Field.ANSWER)) chosen = null;
        if (chosen != null) return chosen;
        String columns = present.isEmpty() ? "it has no column at all" : "its columns are " + String.join(", ", present);
        if (has.contains(Field.QUESTION)) {
            throw DataException.row(origin, "has a question (column '" + found.get(Field.QUESTION)
                    + "') but no answer; " + columns + "; add the answer, or name its column with --columns"
                    + " answer=NAME, or pass --skip-bad-rows");
        }
        if (has.contains(Field.CHOSEN) || has.contains(Field.REJECTED)) {
            throw DataException.row(origin, "has only one of the columns chosen and rejected; " + columns
                    + "; a preference needs both");
        }
        throw DataException.row(origin, "is of no known shape: " + columns
                + "; name them with --columns, for example --columns question=NAME,answer=NAME");
    }

    private static Shape shape(Set<Field> has, boolean named) {
        if (has.contains(Field.INPUT_IDS)) return Shape.TOKENS;
        if (has.contains(Field.CHOSEN) && has.contains(Field.REJECTED)) return Shape.PREFERENCE;
        if (has.contains(Field.MESSAGES)) return Shape.MESSAGES;
        if (has.contains(Field.ANSWER) && (named || has.contains(Field.QUESTION))) return Shape.QUESTION_ANSWER;
        if (named && has.contains(Field.QUESTION)) return Shape.QUESTION_ANSWER;
        if (has.contains(Field.TEXT)) return Shape.TEXT;
        return null;
    }

    String name(Field f) {
        return names.get(f);
    }

    /** The shape and the columns used for it, for people: {@code question and answer (question=Question, ...)}. */
    public String describe() {
        Set<Field> used = switch (shape) {
            case TOKENS -> Set.of(Field.INPUT_IDS, Field.LABELS, Field.ATTENTION_MASK);
            case MESSAGES -> Set.of(Field.MESSAGES, Field.TOOLS, Field.SYSTEM);
            case PREFERENCE -> Set.of(Field.CHOSEN, Field.REJECTED, Field.QUESTION, Field.SYSTEM, Field.TOOLS,
                    Field.INPUT);
            case QUESTION_ANSWER -> Set.of(Field.QUESTION, Field.INPUT, Field.THINKING, Field.ANSWER, Field.SYSTEM);
            case TEXT -> Set.of(Field.TEXT);
        };
        return shape.words() + " (" + names.entrySet().stream().filter(e -> used.contains(e.getKey()))
                .map(e -> e.getKey().label() + "=" + e.getValue()).collect(Collectors.joining(", ")) + ")";
    }

    /** Finds the column of one field. */
    private static final class Finder {
        private final Map<String, String> byNormal = new LinkedHashMap<>();
        private final Set<String> present;
        private final Overrides overrides;
        private final Origin origin;

        Finder(Collection<String> present, Overrides overrides, Origin origin) {
            this.present = new HashSet<>(present);
            this.overrides = overrides;
            this.origin = origin;
            Set<String> claimed = new HashSet<>(overrides.names.values());
            for (String c : present) {
                if (!claimed.contains(c)) byNormal.putIfAbsent(Field.normal(c), c);
            }
        }

        String column(Field f) {
            String named = overrides.names.get(f);
            if (named != null) {
                if (named.isEmpty()) return null;
                if (!present.contains(named)) {
                    if (f == Field.QUESTION || f == Field.ANSWER || f == Field.MESSAGES || f == Field.TEXT) {
                        throw DataException.row(origin, "has no column '" + named + "', which --columns names for "
                                + f.label() + "; its columns are " + String.join(", ", present.stream().sorted().toList()));
                    }
                    return null;
                }
                return named;
            }
            for (String name : f.names()) {
                String column = byNormal.get(name);
                if (column != null) return column;
            }
            return null;
        }
    }
}
