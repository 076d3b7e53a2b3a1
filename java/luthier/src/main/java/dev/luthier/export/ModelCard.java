package dev.luthier.export;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The facts on top of a model's README.md: between two lines {@code ---}, keys with a value or a list of values. What is neither is passed over, since
 * people write these by hand and nothing breaks without them.
 */
final class ModelCard {
    static final String FILE = "README.md";
    private static final String FENCE = "---";

    private final Map<String, List<String>> values;

    private ModelCard(Map<String, List<String>> values) {
        this.values = values;
    }

    /** The card of a folder; empty where there is none. */
    static ModelCard read(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) return new ModelCard(Map.of());
        try {
            return parse(Files.readAllLines(file));
        } catch (MalformedInputException notText) {
            return new ModelCard(Map.of());
        }
    }

    static ModelCard parse(List<String> lines) {
        Map<String, List<String>> values = new LinkedHashMap<>();
        if (lines.isEmpty() || !lines.getFirst().equals(FENCE)) return new ModelCard(values);
        List<String> open = null;
        for (String line : lines.subList(1, lines.size())) {
            if (line.equals(FENCE)) break;
            String text = line.strip();
            if (text.isEmpty() || text.startsWith("#")) continue;
            if (text.startsWith("- ")) {
                if (open != null) open.add(scalar(text.substring(2)));
                continue;
            }
            open = null;
            int colon = line.indexOf(':');
            boolean nested = Character.isWhitespace(line.charAt(0));
            if (nested || colon <= 0) continue;
            open = new ArrayList<>();
            values.putIfAbsent(line.substring(0, colon).strip(), open);
            String value = line.substring(colon + 1).strip();
            if (value.startsWith("[") && value.endsWith("]")) {
                for (String item : value.substring(1, value.length() - 1).split(",")) if (!item.isBlank()) open.add(scalar(item));
            } else if (!value.isEmpty()) {
                open.add(scalar(value));
            }
        }
        return new ModelCard(values);
    }

    private static String scalar(String text) {
        String s = text.strip();
        boolean quoted = s.length() >= 2 && (s.charAt(0) == '"' || s.charAt(0) == '\'') && s.charAt(s.length() - 1) == s.charAt(0);
        return quoted ? s.substring(1, s.length() - 1) : s;
    }

    /** The first value of the first of these keys that has one, or null. */
    String first(String... keys) {
        for (String key : keys) if (!values.getOrDefault(key, List.of()).isEmpty()) return values.get(key).getFirst();
        return null;
    }

    /** All values of these keys; empty where there are none. */
    List<String> all(String... keys) {
        List<String> all = new ArrayList<>();
        for (String key : keys) all.addAll(values.getOrDefault(key, List.of()));
        return all;
    }
}
