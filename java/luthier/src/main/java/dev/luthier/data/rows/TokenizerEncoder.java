package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.TextEncoder;
import dev.luthier.tokenizer.TokenKind;
import dev.luthier.tokenizer.Tokenizer;
import java.util.LinkedHashSet;
import java.util.Set;

/** A model's tokenizer as this room sees it. */
public final class TokenizerEncoder implements TextEncoder {
    private final Tokenizer tokenizer;
    private final int[] begin;
    private final int end;
    private final Set<String> controlTokens = new LinkedHashSet<>();

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
    }

    @Override
    public int[] encode(String text, boolean parseSpecial, boolean continued) {
        return continued ? tokenizer.encodeContinuation(text, parseSpecial) : tokenizer.encode(text, false, parseSpecial);
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
