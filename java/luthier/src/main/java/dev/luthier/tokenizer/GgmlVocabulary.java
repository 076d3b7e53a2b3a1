package dev.luthier.tokenizer;

import java.util.List;

/**
 * A vocabulary as a GGUF file holds it: the values of {@code tokenizer.ggml.*}.
 *
 * @param model     {@code gpt2} (byte-level BPE) or {@code llama} (SentencePiece)
 * @param pre       how text is cut, see {@link Tokenizer#ggmlPre()}
 * @param tokens    token by id
 * @param types     number of each token's {@link TokenKind}
 * @param merges    {@code "a b"}, first merges first; null for {@code llama}
 * @param scores    score by id; null for {@code gpt2}
 * @param bos       id of the token that begins a text, -1 where there is none; so are the next three
 * @param addBos    whether {@code bos} is put before a text
 * @param addEos    whether {@code eos} is put after a text; null where nothing says so
 * @param addSep    whether a separator is put between two texts; null where nothing says so
 * @param addSpacePrefix whether a space is put before a text; null where readers need not be told
 */
public record GgmlVocabulary(String model, String pre, List<String> tokens, int[] types, List<String> merges, float[] scores, int bos, int eos,
                             int unknown, int padding, boolean addBos, Boolean addEos, Boolean addSep, Boolean addSpacePrefix) {
}
