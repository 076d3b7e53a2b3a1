package dev.luthier.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * What the files beside tokenizer.json add to it: which tokens begin, end and pad, and whether they are put around a text. Absent files are
 * empty objects.
 */
final class TokenizerConfig {
    private final Field tokenizer;
    private final Field specialTokens;
    private final Field generation;
    private final Field model;

    private TokenizerConfig(Field tokenizer, Field specialTokens, Field generation, Field model) {
        this.tokenizer = tokenizer;
        this.specialTokens = specialTokens;
        this.generation = generation;
        this.model = model;
    }

    static TokenizerConfig beside(Path tokenizerJson) throws IOException {
        return new TokenizerConfig(optional(tokenizerJson, "tokenizer_config.json"), optional(tokenizerJson, "special_tokens_map.json"),
                optional(tokenizerJson, "generation_config.json"), optional(tokenizerJson, "config.json"));
    }

    static TokenizerConfig none(String source) {
        Field empty = new Field(source, "", JsonNodeFactory.instance.objectNode());
        return new TokenizerConfig(empty, empty, empty, empty);
    }

    private static Field optional(Path tokenizerJson, String name) throws IOException {
        Path file = tokenizerJson.resolveSibling(name);
        return Files.exists(file) ? Field.read(file) : new Field(file.toString(), "", JsonNodeFactory.instance.objectNode());
    }

    /** Whether a file beside tokenizer.json says which tokens have a role. */
    boolean namesTokens() {
        return !tokenizer.node().isEmpty() || !specialTokens.node().isEmpty();
    }

    /** The text of a token with a role, or null. */
    String tokenText(String role) {
        for (Field file : List.of(tokenizer, specialTokens)) {
            Field token = file.at(role);
            if (token.present()) return token.node().isObject() ? token.at("content").text() : token.text();
        }
        return null;
    }

    /** The id of a token with a role, or -1 where the role is not filled. */
    int tokenId(String role, Vocabulary vocabulary) {
        String text = tokenText(role);
        if (text == null) return SpecialIds.NONE;
        int id = vocabulary.id(text);
        if (id < 0) throw tokenizer.at(role).problem("found " + TokenizerException.quote(text)
                + ", which tokenizer.json does not have; add it there or name another token");
        return id;
    }

    /** The ids of a role in generation_config.json and config.json; those without a token are left out. */
    List<Integer> modelIds(String role, Vocabulary vocabulary) {
        Set<Integer> ids = new LinkedHashSet<>();
        for (Field file : List.of(generation, model)) {
            Field value = file.at(role);
            if (!value.present()) continue;
            for (Field id : value.node().isArray() ? value.items() : List.of(value)) {
                int number = id.integer(-1, Integer.MAX_VALUE);
                if (vocabulary.has(number)) ids.add(number);
            }
        }
        return new ArrayList<>(ids);
    }

    /** {@code add_bos_token} and the like; null where the file does not say. */
    Boolean adds(String role) {
        Field flag = tokenizer.at("add_" + role + "_token");
        return flag.present() ? flag.flag() : null;
    }

    /** {@code added_tokens_decoder}: added tokens by id, as an object. */
    Field addedTokens() {
        return tokenizer.at("added_tokens_decoder");
    }
}
