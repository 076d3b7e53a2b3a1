package dev.luthier.export;

import dev.luthier.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/**
 * What a model's folder says about it besides shapes and weights.
 *
 * @param id         "organization/name" from config.json's {@code _name_or_path}, else the folder's name
 * @param name       the user's own name for the model, or null
 * @param baseModel  id of the model it was tuned from, or null: then as the card says
 * @param card       of README.md
 * @param config     config.json
 * @param generation generation_config.json
 */
record ModelFacts(String id, String name, String baseModel, ModelCard card, JsonNode config, JsonNode generation) {

    static ModelFacts of(Path folder, String name, String baseModel) throws IOException {
        JsonNode config = Json.readObject(folder.resolve("config.json"));
        Path generation = folder.resolve("generation_config.json");
        String path = config.path("_name_or_path").asString("");
        boolean hubId = !path.isEmpty() && path.chars().filter(c -> c == '/').count() <= 1;
        return new ModelFacts(hubId ? path : folderName(folder), name, baseModel, ModelCard.read(folder), config,
                Files.exists(generation) ? Json.readObject(generation) : Json.mapper().createObjectNode());
    }

    static String folderName(Path folder) throws IOException {
        Path name = folder.toRealPath().getFileName();
        return name == null ? "model" : name.toString();
    }
}
