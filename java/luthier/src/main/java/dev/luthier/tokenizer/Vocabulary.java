package dev.luthier.tokenizer;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/** Tokens by id and ids by token. Built once, then only read. */
final class Vocabulary {
    /** No known vocabulary has a third as many. */
    static final int MAX_SIZE = 1 << 20;

    private final Map<String, Integer> ids;
    private String[] texts = new String[1 << 10];
    private TokenKind[] kinds = new TokenKind[1 << 10];
    private final BitSet special = new BitSet();
    private final BitSet added = new BitSet();
    private final Map<Integer, String> decoded = new HashMap<>();
    private int size;

    Vocabulary(int expected) {
        ids = HashMap.newHashMap(expected);
    }

    /** Adds a token, or gives an id another kind. */
    void put(int id, String text, TokenKind kind) {
        if (id >= texts.length) {
            int length = Math.min(MAX_SIZE, Math.max(id + 1, 2 * texts.length));
            texts = Arrays.copyOf(texts, length);
            kinds = Arrays.copyOf(kinds, length);
        }
        size = Math.max(size, id + 1);
        texts[id] = text;
        kinds[id] = kind;
        ids.put(text, id);
    }

    /** Adds a token that the model itself does not know, so that only a search for added tokens finds it. */
    void putAdded(int id, String text, TokenKind kind) {
        if (!has(id)) added.set(id);
        put(id, text, kind);
    }

    /** Left out when decoding without special tokens. */
    void setSpecial(int id, boolean value) {
        special.set(id, value);
    }

    /** A text other than the token's own that decoding starts from. */
    void setDecoded(int id, String text) {
        decoded.put(id, text);
    }

    /** The largest id plus one. */
    int size() {
        return size;
    }

    /** The number of different tokens. */
    int count() {
        return ids.size();
    }

    int id(String text) {
        return ids.getOrDefault(text, -1);
    }

    /** The id of a token that the model itself knows, or -1. */
    int modelId(String text) {
        int id = id(text);
        return id >= 0 && added.get(id) ? -1 : id;
    }

    boolean has(int id) {
        return id >= 0 && id < size && texts[id] != null;
    }

    /** The token's text, or null where the id has none. */
    String text(int id) {
        return has(id) ? texts[id] : null;
    }

    String decodedText(int id) {
        return decoded.isEmpty() ? text(id) : decoded.getOrDefault(id, text(id));
    }

    TokenKind kind(int id) {
        return has(id) ? kinds[id] : TokenKind.UNUSED;
    }

    boolean isSpecial(int id) {
        return special.get(id);
    }

    /** Ids of the tokens that plain text may turn into. */
    Map<String, Integer> textTokens() {
        Map<String, Integer> tokens = HashMap.newHashMap(ids.size());
        ids.forEach((text, id) -> {
            if (!added.get(id) && (kinds[id] == TokenKind.NORMAL || kinds[id] == TokenKind.USER_DEFINED)) tokens.put(text, id);
        });
        return tokens;
    }

    /** Ids of the tokens {@code <0x00>} to {@code <0xFF>}, -1 where one is missing. */
    int[] byteTokens() {
        int[] bytes = new int[256];
        for (int b = 0; b < 256; b++) bytes[b] = modelId(String.format("<0x%02X>", b));
        return bytes;
    }
}
