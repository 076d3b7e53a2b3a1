package dev.luthier.export;

import dev.luthier.io.GgufValue;
import dev.luthier.model.ModelConfig;
import dev.luthier.tokenizer.GgmlVocabulary;
import dev.luthier.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Map;
import java.util.SequencedMap;
import tools.jackson.databind.JsonNode;

/** The keys {@code tokenizer.*}, in the order in which llama.cpp's converter writes them. */
final class TokenizerMetadata {
    private static final String SPACE_PREFIX = "tokenizer.ggml.add_space_prefix";

    private final SequencedMap<String, GgufValue> keys;
    private final ModelConfig model;
    private final JsonNode config;
    private final Tokenizer tokenizer;
    private final GgmlVocabulary vocabulary;

    private TokenizerMetadata(SequencedMap<String, GgufValue> keys, ModelConfig model, JsonNode config, Tokenizer tokenizer) {
        this.keys = keys;
        this.model = model;
        this.config = config;
        this.tokenizer = tokenizer;
        this.vocabulary = tokenizer.ggml(model.vocab());
    }

    /**
     * Adds the keys.
     *
     * @param config          config.json
     * @param tokenizerConfig tokenizer_config.json, or an empty object
     */
    static void add(SequencedMap<String, GgufValue> keys, ModelConfig model, JsonNode config, JsonNode tokenizerConfig, Tokenizer tokenizer,
            ChatTemplates templates) {
        TokenizerMetadata m = new TokenizerMetadata(keys, model, config, tokenizer);
        boolean llama = model.family().ggufArchitecture().equals("llama");
        JsonNode prefix = tokenizerConfig.path("add_prefix_space");
        if (llama && prefix.isBoolean()) keys.put(SPACE_PREFIX, GgufValue.bool(prefix.asBoolean()));
        m.vocabulary();
        m.roles();
        m.adds();
        m.templates(templates);
        if (m.vocabulary.addSpacePrefix() != null) keys.putIfAbsent(SPACE_PREFIX, GgufValue.bool(m.vocabulary.addSpacePrefix()));
    }

    private void vocabulary() {
        keys.put("tokenizer.ggml.model", GgufValue.string(vocabulary.model()));
        keys.put("tokenizer.ggml.pre", GgufValue.string(vocabulary.pre()));
        keys.put("tokenizer.ggml.tokens", GgufValue.strings(vocabulary.tokens()));
        if (vocabulary.scores() != null) keys.put("tokenizer.ggml.scores", GgufValue.float32s(vocabulary.scores()));
        keys.put("tokenizer.ggml.token_type", GgufValue.int32s(vocabulary.types()));
        if (vocabulary.merges() != null) keys.put("tokenizer.ggml.merges", GgufValue.strings(vocabulary.merges()));
    }

    /** First what the tokenizer's files name, then what config.json alone does. */
    private void roles() {
        role("bos", tokenizer.bosId());
        role("eos", tokenizer.eosId());
        role("unknown", tokenizer.unknownId());
        role("padding", tokenizer.padId());
        role("bos", vocabulary.bos());
        role("eos", model.eosIds().isEmpty() ? -1 : model.eosIds().getFirst());
        role("padding", config.path("pad_token_id").asInt(-1));
    }

    private void role(String role, int id) {
        if (id >= 0 && id < model.vocab()) keys.putIfAbsent("tokenizer.ggml." + role + "_token_id", GgufValue.uint32(id));
    }

    private void adds() {
        keys.put("tokenizer.ggml.add_bos_token", GgufValue.bool(vocabulary.addBos()));
        if (vocabulary.addEos() != null) keys.put("tokenizer.ggml.add_eos_token", GgufValue.bool(vocabulary.addEos()));
        if (vocabulary.addSep() != null) keys.put("tokenizer.ggml.add_sep_token", GgufValue.bool(vocabulary.addSep()));
    }

    private void templates(ChatTemplates templates) {
        Map<String, String> named = templates.named();
        named.forEach((name, text) -> keys.put("tokenizer.chat_template." + name, GgufValue.string(text)));
        if (!named.isEmpty()) keys.put("tokenizer.chat_templates", GgufValue.strings(new ArrayList<>(named.keySet())));
        if (templates.main() != null) keys.put("tokenizer.chat_template", GgufValue.string(templates.main()));
    }
}
