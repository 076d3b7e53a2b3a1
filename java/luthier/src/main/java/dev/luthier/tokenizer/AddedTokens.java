package dev.luthier.tokenizer;

import java.util.List;

/**
 * Finds added tokens in a text, leftmost first and longest first, and cuts the text at them. A tokenizer has two of these: one for tokens
 * matched in the raw text, one for those matched after normalization.
 */
final class AddedTokens {
    private final Trie all = new Trie();
    private final Trie plain = new Trie();
    private final Token[] byId;

    /**
     * @param id         its id
     * @param content    its text as the file gives it
     * @param singleWord matches only where no word character touches it
     * @param lstrip     swallows white space before it
     * @param rstrip     swallows white space after it
     * @param normalized matches its normalized text in the normalized text
     * @param special    left out when decoding without special tokens
     */
    record Token(int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {
    }

    /** Receives the pieces of a text in order: text (id -1) and tokens. */
    interface Cut {
        void piece(int start, int end, int id);
    }

    /**
     * @param patterns what to look for, one text per token
     * @param control  whether a token is left alone when special text is not parsed, one per token
     */
    AddedTokens(List<Token> tokens, List<String> patterns, boolean[] control, int vocabularySize) {
        byId = new Token[tokens.isEmpty() ? 0 : vocabularySize];
        for (int i = 0; i < tokens.size(); i++) {
            Token token = tokens.get(i);
            if (patterns.get(i).isEmpty()) continue;
            byId[token.id] = token;
            all.put(patterns.get(i), token.id);
            if (!control[i]) plain.put(patterns.get(i), token.id);
        }
    }

    /** @param parseSpecial whether control tokens are looked for too */
    void cut(String text, boolean parseSpecial, Cut out) {
        Trie trie = parseSpecial ? all : plain;
        int done = 0;
        if (!trie.isEmpty()) {
            for (int at = 0; at < text.length(); ) {
                long hit = trie.starts(text.charAt(at)) ? trie.longest(text, at) : -1;
                if (hit < 0) {
                    at++;
                    continue;
                }
                Token token = byId[(int) hit];
                int start = at;
                int end = (int) (hit >>> 32);
                at = end; // white space swallowed after the token may hold a token all the same, as in the reference
                if (token.singleWord && !alone(text, start, end)) continue;
                if (token.lstrip) {
                    while (start > done && Characters.isWhitespace(text.codePointBefore(start))) start--;
                    start = Math.max(start, done);
                }
                if (token.rstrip) while (end < text.length() && Characters.isWhitespace(text.codePointAt(end))) end++;
                if (start >= end) continue;
                if (done < start) out.piece(done, start, -1);
                out.piece(start, end, token.id);
                done = end;
            }
        }
        if (done < text.length()) out.piece(done, text.length(), -1);
    }

    private static boolean alone(String text, int start, int end) {
        return (start == 0 || !Characters.isWord(text.codePointBefore(start)))
                && (end == text.length() || !Characters.isWord(text.codePointAt(end)));
    }
}
