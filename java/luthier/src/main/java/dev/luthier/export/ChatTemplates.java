package dev.luthier.export;

import dev.luthier.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * The chat templates of a model: chat_template.jinja, else {@code chat_template} of tokenizer_config.json, which may be a list with names.
 *
 * @param main  the one used when nothing else is asked for, or null
 * @param named others by name
 */
record ChatTemplates(String main, Map<String, String> named) {
    private static final String DEFAULT = "default";

    /** Those of the first of these folders that has any; null folders are passed over. */
    static ChatTemplates of(Path... folders) throws IOException {
        for (Path folder : folders) {
            if (folder == null) continue;
            Optional<ChatTemplates> found = in(folder);
            if (found.isPresent()) return found.get();
        }
        return new ChatTemplates(null, Map.of());
    }

    private static Optional<ChatTemplates> in(Path folder) throws IOException {
        Path jinja = folder.resolve("chat_template.jinja");
        if (Files.exists(jinja)) return Optional.of(new ChatTemplates(Files.readString(jinja), Map.of()));
        Path config = folder.resolve("tokenizer_config.json");
        JsonNode template = Files.exists(config) ? Json.readObject(config).path("chat_template") : Json.mapper().missingNode();
        if (template.isString()) return Optional.of(new ChatTemplates(template.asString(), Map.of()));
        if (!template.isArray() || template.isEmpty()) return Optional.empty();
        Map<String, String> named = new LinkedHashMap<>();
        for (JsonNode t : template) named.put(t.path("name").asString(DEFAULT), t.path("template").asString(""));
        String main = named.remove(DEFAULT);
        return Optional.of(new ChatTemplates(main, named));
    }
}
