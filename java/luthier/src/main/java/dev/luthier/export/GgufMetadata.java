package dev.luthier.export;

import dev.luthier.io.GgufValue;
import dev.luthier.io.Json;
import dev.luthier.model.ModelConfig;
import dev.luthier.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import tools.jackson.databind.JsonNode;

/** All keys of a model's GGUF file, with the names, types, values and order that llama.cpp's tools give them. */
final class GgufMetadata {
    static final String FILE_TYPE = "general.file_type";
    static final String QUANTIZATION_VERSION = "general.quantization_version";
    private static final long CURRENT_QUANTIZATION = 2;

    private final ModelConfig model;
    private final ModelFacts facts;
    private final SequencedMap<String, GgufValue> tokenizer = new LinkedHashMap<>();
    private final long parameters;

    /**
     * @param adapter    folder whose chat template goes before the model's, or null
     * @param parameters of the model, as stored
     */
    GgufMetadata(Path folder, Path adapter, ModelConfig model, ModelFacts facts, long parameters) throws IOException {
        this.model = model;
        this.facts = facts;
        this.parameters = parameters;
        Path tokenizerConfig = folder.resolve("tokenizer_config.json");
        JsonNode json = Files.exists(tokenizerConfig) ? Json.readObject(tokenizerConfig) : Json.mapper().createObjectNode();
        TokenizerMetadata.add(tokenizer, model, facts.config(), json, Tokenizer.load(folder), ChatTemplates.of(adapter, folder));
    }

    /** Whether the file will say how to write a conversation. */
    boolean hasChatTemplate() {
        return tokenizer.containsKey("tokenizer.chat_template");
    }

    SequencedMap<String, GgufValue> of(ExportType type) {
        SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();
        keys.put("general.architecture", GgufValue.string(model.family().ggufArchitecture()));
        ModelMetadata.addFirst(keys, model);
        keys.put("general.type", GgufValue.string("model"));
        GeneralMetadata.add(keys, facts, parameters);
        ModelMetadata.add(keys, model, facts.config(), type);
        quantizationVersion(keys);
        keys.putAll(tokenizer);
        if (type.mixed()) {
            // The second step of llama.cpp's tools sets these two again.
            keys.remove(QUANTIZATION_VERSION);
            quantizationVersion(keys);
            keys.putLast(FILE_TYPE, GgufValue.uint32(type.fileType()));
        }
        return keys;
    }

    static void quantizationVersion(SequencedMap<String, GgufValue> keys) {
        keys.put(QUANTIZATION_VERSION, GgufValue.uint32(CURRENT_QUANTIZATION));
    }
}
