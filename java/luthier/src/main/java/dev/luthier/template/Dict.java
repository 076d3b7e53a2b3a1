package dev.luthier.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's {@code dict} as far as templates can see one: filled once, ordered by first insertion. Text keys are found
 * by hash; the rare others by comparing, so that 1, 1.0 and true are one key.
 */
final class Dict {
    private final List<Object> keys = new ArrayList<>();
    private final List<Object> values = new ArrayList<>();
    private final Map<String, Integer> textPlaces = new HashMap<>();

    /** Returns the value of a key, or {@link Values#ABSENT}. */
    Object get(Meter meter, Object key) {
        int at = find(meter, key);
        return at < 0 ? Values.ABSENT : values.get(at);
    }

    /** Sets a key; an equal key keeps its place and spelling. */
    void put(Meter meter, Object key, Object value) {
        int at = find(meter, key);
        if (at >= 0) {
            values.set(at, value);
            return;
        }
        meter.elements(1);
        if (Values.isText(key)) {
            textPlaces.put(Values.text(key), keys.size());
        }
        keys.add(key);
        values.add(value);
    }

    private int find(Meter meter, Object key) {
        if (Values.isText(key)) {
            return textPlaces.getOrDefault(Values.text(key), -1);
        }
        requireHashable(meter, key);
        if (textPlaces.size() < keys.size()) {
            for (int i = 0; i < keys.size(); i++) {
                meter.step();
                if (Comparison.equal(meter, keys.get(i), key)) {
                    return i;
                }
            }
        }
        return -1;
    }

    private static void requireHashable(Meter meter, Object key) {
        if (!isHashable(meter, key)) {
            throw Failure.of("unhashable type: '" + Values.typeName(key) + "'");
        }
    }

    /** Whether a value can be a key. */
    static boolean isHashable(Meter meter, Object key) {
        meter.step();
        return switch (key) {
            case Range r -> true;
            case List<?> l -> false;
            case Dict d -> false;
            case Tuple t -> t.items().stream().allMatch(item -> isHashable(meter, item));
            case null, default -> true;
        };
    }

    int size() {
        return keys.size();
    }

    List<Object> keys() {
        return Collections.unmodifiableList(keys);
    }

    List<Object> values() {
        return Collections.unmodifiableList(values);
    }

    Tuple item(int i) {
        return Tuple.of(keys.get(i), values.get(i));
    }
}
