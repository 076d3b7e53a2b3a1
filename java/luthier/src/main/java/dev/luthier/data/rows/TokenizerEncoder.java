package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.TextEncoder;
import dev.luthier.tokenizer.TokenKind;
import dev.luthier.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;

/** A model's tokenizer as this room sees it. */
public final class TokenizerEncoder implements TextEncoder {
    /** Stands before a continued text where the tokenizer would put a space; no vocabulary joins it to a word. */
    private static final String ANCHOR = "\n";

    private final Tokenizer tokenizer;
    private final int[] begin;
    private final int end;
    private final Set<String> controlTokens = new LinkedHashSet<>();
    /** Ids of {@link #ANCHOR} where texts get a space before them, else null. */
    private final int[] anchor;

    /** @throws DataException when the tokenizer has no token that ends an answer */
    public TokenizerEncoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        this.begin = tokenizer.prefix();
        this.end = tokenizer.eosId() >= 0 ? tokenizer.eosId()
                : tokenizer.stopIds().stream().findFirst().orElseThrow(() -> DataException.of(tokenizer
                        + " names no end token, so an answer could never end; set eos_token in tokenizer_config.json"));
        for (int id = 0; id < tokenizer.vocabSize(); id++) {
            if (tokenizer.kind(id) == TokenKind.CONTROL) controlTokens.add(tokenizer.token(id));
        }
        byte[] first = first(tokenizer.encode("a", false, false));
        anchor = first.length > 0 && first[0] == ' ' ? tokenizer.encode(ANCHOR, false, false) : null;
    }

    private byte[] first(int[] ids) {
        return ids.length == 0 ? new byte[0] : tokenizer.bytes(ids[0]);
    }

    @Override
    public int[] encode(String text, boolean parseSpecial, boolean continued) {
        if (continued && anchor != null) {
            int[] ids = tokenizer.encode(ANCHOR + text, false, parseSpecial);
            if (ids.length >= anchor.length && Arrays.equals(ids, 0, anchor.length, anchor, 0, anchor.length)) {
                return Arrays.copyOfRange(ids, anchor.length, ids.length);
            }
        }
        return tokenizer.encode(text, false, parseSpecial);
    }

    @Override
    public String decode(int[] ids) {
        return tokenizer.decode(ids, false);
    }

    @Override
    public int[] begin() {
        return begin.clone();
    }

    @Override
    public int end() {
        return end;
    }

    @Override
    public boolean isEnd(int id) {
        return id == end || tokenizer.stopIds().contains(id);
    }

    @Override
    public Set<String> controlTokens() {
        return controlTokens;
    }
}
