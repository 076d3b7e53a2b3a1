package dev.luthier.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The merges of a vocabulary as a list, first merges first, and as the table that merging uses.
 *
 * @param left  left symbols, by rank
 * @param right right symbols, by rank
 * @param extra characters that have no token but occur in merges, see {@link BpeModel}
 */
record Merges(int[] left, int[] right, MergeTable table, int[] extra) {

    /** Receives merges, resolving their tokens. */
    private static final class Builder {
        private final Vocabulary vocabulary;
        private final int[] left;
        private final int[] right;
        private final MergeTable table;
        private int count;

        Builder(Vocabulary vocabulary, int expected) {
            this.vocabulary = vocabulary;
            left = new int[expected];
            right = new int[expected];
            table = new MergeTable(expected);
        }

        /** Null where all is well, else the token that is missing. */
        String add(String a, String b) {
            int l = vocabulary.modelId(a);
            int r = vocabulary.modelId(b);
            if (l < 0 || r < 0) return l < 0 ? a : b;
            int merged = vocabulary.modelId(a + b);
            if (merged < 0) return a + b;
            left[count] = l;
            right[count] = r;
            table.put(l, r, count++, merged);
            return null;
        }

        Merges build() {
            return new Merges(Arrays.copyOf(left, count), Arrays.copyOf(right, count), table, new int[0]);
        }
    }

    /** Reads {@code ["a b", ...]} or {@code [["a", "b"], ...]}. */
    static Merges of(Field field, Vocabulary vocabulary) {
        if (!field.node().isArray()) throw field.wanted("an array");
        Builder builder = new Builder(vocabulary, field.node().size());
        int index = 0;
        for (JsonNode merge : field.node()) {
            Field at = new Field(field.source(), field.path() + "[" + index++ + "]", merge);
            String missing;
            if (merge.isString()) {
                if (merge.stringValue().startsWith("#version")) continue;
                missing = addLine(builder, merge.stringValue());
            } else if (merge.isArray() && merge.size() == 2 && merge.get(0).isString() && merge.get(1).isString()) {
                missing = builder.add(merge.get(0).stringValue(), merge.get(1).stringValue());
            } else {
                throw at.wanted("\"a b\" or [\"a\", \"b\"]");
            }
            if (missing == null) continue;
            throw missing.isEmpty() ? at.wanted("two tokens with one space between them")
                    : at.problem("found a merge of " + TokenizerException.quote(missing) + ", which is not in the vocabulary");
        }
        return builder.build();
    }

    /** The merges {@code "a b"} of a GGUF file. */
    static Merges ofLines(List<String> lines, Vocabulary vocabulary, String source, String key) {
        Builder builder = new Builder(vocabulary, lines.size());
        for (int i = 0; i < lines.size(); i++) {
            String missing = addLine(builder, lines.get(i));
            if (missing != null) throw new TokenizerException(source, key + "[" + i + "]", "found " + TokenizerException.quote(lines.get(i))
                    + ", wanted two tokens of the vocabulary that make a third");
        }
        return builder.build();
    }

    /** Null where all is well, else the token that is missing; empty where the line is not two tokens. */
    private static String addLine(Builder builder, String line) {
        int space = line.indexOf(' ');
        if (space < 0 || line.indexOf(' ', space + 1) >= 0) return "";
        return builder.add(line.substring(0, space), line.substring(space + 1));
    }

    /**
     * The merges that SentencePiece's BPE makes by scores: any two neighbours whose joined text is a token merge, the best score first, then
     * the leftmost. Tokens with one score share a rank.
     *
     * @param scores score by id
     */
    static Merges ofScores(Vocabulary vocabulary, float[] scores) {
        float[] order = scores.clone();
        Arrays.sort(order);
        Map<Integer, Integer> extra = new HashMap<>();
        MergeTable table = new MergeTable(4 * vocabulary.size());
        for (int id = 0; id < vocabulary.size(); id++) {
            String text = vocabulary.text(id);
            if (text == null || vocabulary.kind(id) != TokenKind.NORMAL) continue;
            int rank = order.length - 1 - firstOf(order, scores[id]);
            for (int cut = 0; (cut += Character.charCount(text.codePointAt(cut))) < text.length(); ) {
                int l = symbol(text.substring(0, cut), vocabulary, extra);
                int r = symbol(text.substring(cut), vocabulary, extra);
                if (l >= 0 && r >= 0) table.put(l, r, rank, id);
            }
        }
        int[] characters = new int[extra.size()];
        extra.forEach((c, symbol) -> characters[symbol - vocabulary.size()] = c);
        return new Merges(new int[0], new int[0], table, characters);
    }

    /** The first index of a value that a sorted array holds. */
    private static int firstOf(float[] sorted, float value) {
        int low = 0;
        int high = sorted.length - 1;
        while (low < high) {
            int middle = low + high >>> 1;
            if (Float.compare(sorted[middle], value) < 0) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private static int symbol(String text, Vocabulary vocabulary, Map<Integer, Integer> extra) {
        int id = vocabulary.id(text);
        if (id >= 0 && vocabulary.kind(id) == TokenKind.NORMAL) return id;
        int c = text.codePointAt(0);
        if (text.length() != Character.charCount(c)) return -1;
        return extra.computeIfAbsent(c, key -> vocabulary.size() + extra.size());
    }
}
