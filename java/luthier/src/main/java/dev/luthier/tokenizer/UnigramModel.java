package dev.luthier.tokenizer;

import java.util.Arrays;
import java.util.Map;

/** Unigram (Kudo 2018): the cut of a piece into tokens with the largest sum of scores, found by Viterbi's algorithm. */
final class UnigramModel implements Model {
    private static final double UNKNOWN_PENALTY = 10;
    private final Trie trie;
    private final double[] scores;
    private final double unknownScore;
    private final int unknown;
    private final int[] byteTokens;
    private final String owner;

    /**
     * @param vocabulary ids of the tokens that text may turn into
     * @param scores     score by id
     * @param unknown    id of the unknown token, or -1
     * @param byteTokens ids of the 256 byte tokens where unknown text falls back to them, else null
     */
    UnigramModel(Map<String, Integer> vocabulary, double[] scores, int unknown, int[] byteTokens, String owner) {
        this.trie = new Trie();
        vocabulary.forEach((text, id) -> {
            if (!text.isEmpty()) trie.put(text, id);
        });
        this.scores = scores;
        this.unknown = unknown;
        this.unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
        this.byteTokens = byteTokens;
        this.owner = owner;
    }

    @Override
    public void tokenize(String text, int start, int end, IdBuffer out) {
        int length = end - start;
        double[] best = new double[length + 1];
        int[] from = new int[length + 1];
        int[] token = new int[length + 1];
        Arrays.fill(from, -1);
        for (int at = 0, width; at < length; at += width) {
            width = Character.charCount(text.codePointAt(start + at));
            boolean single = false;
            int node = trie.root();
            for (int i = at; i < length; i++) {
                node = trie.child(node, text.charAt(start + i));
                if (node < 0) break;
                int id = trie.value(node);
                if (id < 0) continue;
                offer(best, from, token, at, i + 1, best[at] + scores[id], id);
                single |= i + 1 == at + width;
            }
            if (!single) offer(best, from, token, at, at + width, best[at] + unknownScore, unknown);
        }
        int count = 0;
        int[] ends = new int[length];
        for (int at = length; at > 0; at = from[at]) ends[count++] = at; // last first
        emit(text, start, ends, count, from, token, out);
    }

    private static void offer(double[] best, int[] from, int[] token, int at, int end, double score, int id) {
        if (from[end] >= 0 && score <= best[end]) return;
        best[end] = score;
        from[end] = at;
        token[end] = id;
    }

    /** Neighbouring unknown characters become one unknown token, or their bytes. */
    private void emit(String text, int start, int[] ends, int count, int[] from, int[] token, IdBuffer out) {
        int unknownFrom = -1;
        for (int i = count - 1; i >= 0; i--) {
            int end = ends[i];
            if (token[end] != unknown) {
                out.add(token[end]);
                continue;
            }
            if (unknownFrom < 0) unknownFrom = from[end];
            boolean last = i == 0 || token[ends[i - 1]] != unknown;
            if (!last) continue;
            addUnknown(text, start + unknownFrom, start + end, out);
            unknownFrom = -1;
        }
    }

    private void addUnknown(String text, int start, int end, IdBuffer out) {
        byte[] utf8 = ByteAlphabet.utf8(text, start, end);
        if (byteTokens != null) {
            boolean all = true;
            for (byte b : utf8) all &= byteTokens[b & 0xFF] >= 0;
            if (all) {
                for (byte b : utf8) out.add(byteTokens[b & 0xFF]);
                return;
            }
        }
        if (unknown < 0) throw new TokenizerException(owner, "model.unk_id",
                "found nothing, wanted the id of the unknown token, which this text needs");
        out.add(unknown);
    }
}
