package dev.luthier.template;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;

/** Templates with what they must give. */
final class TemplateData {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private TemplateData() { }

    /**
     * Cases of our own making, rendered once by Python's jinja2 3.1.6 with the settings of transformers 5.18: every
     * construct, filter, test and method by hand, then templates and expressions put together at random from a
     * grammar. {@code rendered} is null where the reference fails.
     */
    static Map<String, Object> referenceCases() {
        try (InputStream in = TemplateData.class.getResourceAsStream("reference-cases.json")) {
            return object(JSON.readValue(in, Map.class));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The real templates under a folder by name, each with the JSON beside it. */
    static Map<String, Golden> goldens(Path folder) throws IOException {
        Map<String, Golden> all = new TreeMap<>();
        try (var files = Files.list(folder)) {
            for (Path json : files.filter(f -> f.toString().endsWith(".json")).toList()) {
                String name = json.getFileName().toString().replaceFirst("\\.json$", "");
                String source = Files.readString(json.resolveSibling(name + ".jinja"));
                Map<String, Object> content = object(JSON.readValue(Files.readString(json), Map.class));
                all.put(name, new Golden(source, object(content.get("globals")), objects(content.get("cases"))));
            }
        }
        return all;
    }

    record Golden(String source, Map<String, Object> globals, List<Map<String, Object>> cases) { }

    static Map<String, Object> json(String text) {
        return object(JSON.readValue(text, Map.class));
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object v) {
        return (Map<String, Object>) v;
    }

    static List<Map<String, Object>> objects(Object v) {
        List<Map<String, Object>> all = new ArrayList<>();
        ((List<?>) v).forEach(element -> all.add(object(element)));
        return all;
    }
}
