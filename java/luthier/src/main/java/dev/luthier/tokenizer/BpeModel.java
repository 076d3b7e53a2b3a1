package dev.luthier.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Byte-pair encoding (Sennrich et al. 2016): a piece starts as characters, or as bytes in GPT-2's alphabet, and pairs merge in the order of
 * their rank. Symbols at or above the vocabulary's size stand for characters that have no token but occur in merges.
 */
final class BpeModel implements Model {
    private static final int NONE = -1;
    /** A thread keeps its working memory after pieces up to this length. */
    private static final int MAX_KEPT = 1 << 18;

    /**
     * @param byteLevel    pieces are mapped to GPT-2's alphabet first
     * @param byteFallback characters without a token become byte tokens
     * @param fuseUnknown  neighbouring unknown characters become one unknown token
     * @param ignoreMerges a piece that is a token is that token
     * @param unknown      id of the unknown token; -1 drops unknown characters
     */
    record Options(boolean byteLevel, boolean byteFallback, boolean fuseUnknown, boolean ignoreMerges, int unknown) {
    }

    private final Map<String, Integer> words;
    private final MergeTable merges;
    private final Options options;
    private final int vocabularySize;
    private final int[] extra;
    private final int[] bytes = new int[256];
    private final int[] basic = new int[1 << 16];
    private final Map<Integer, Integer> supplementary = new HashMap<>();
    private final WordCache cache = new WordCache();
    private final ThreadLocal<MergeQueue> queues = ThreadLocal.withInitial(MergeQueue::new);

    /**
     * @param vocabulary ids of tokens; only what text may turn into
     * @param byteTokens ids of the 256 byte tokens, -1 where one is missing
     * @param extra      characters without a token that occur in merges; the first is symbol {@code vocabularySize}, and so on
     */
    BpeModel(Map<String, Integer> vocabulary, int[] byteTokens, int[] extra, int vocabularySize, MergeTable merges, Options options) {
        this.words = options.ignoreMerges ? vocabulary : Map.of();
        this.merges = merges;
        this.options = options;
        this.vocabularySize = vocabularySize;
        this.extra = extra;
        Arrays.fill(basic, NONE);
        vocabulary.forEach((text, id) -> {
            int c = text.isEmpty() ? 0 : text.codePointAt(0);
            if (text.length() != Character.charCount(c)) return;
            symbol(c, id);
        });
        for (int i = 0; i < extra.length; i++) symbol(extra[i], vocabularySize + i);
        for (int b = 0; b < 256; b++) bytes[b] = options.byteLevel ? basic[ByteAlphabet.charOf(b)] : byteTokens[b];
    }

    private void symbol(int c, int symbol) {
        if (c < basic.length) basic[c] = symbol;
        else supplementary.put(c, symbol);
    }

    Options options() {
        return options;
    }

    @Override
    public void tokenize(String text, int start, int end, IdBuffer out) {
        if (end - start > WordCache.MAX_LENGTH) {
            merge(text, start, end, out);
            return;
        }
        int hash = WordCache.hash(text, start, end);
        int[] ids = cache.get(text, start, end, hash);
        if (ids == null) {
            int from = out.size();
            merge(text, start, end, out);
            cache.put(text, start, end, hash, out.since(from));
        } else {
            out.addAll(ids);
        }
    }

    private void merge(String text, int start, int end, IdBuffer out) {
        if (options.ignoreMerges) {
            Integer id = words.get(options.byteLevel ? ByteAlphabet.write(text, start, end) : text.substring(start, end));
            if (id != null) {
                out.add(id);
                return;
            }
        }
        MergeQueue queue = queues.get();
        queue.clear();
        if (options.byteLevel) addBytes(text, start, end, queue);
        else addCharacters(text, start, end, queue);
        queue.merge(merges);
        queue.forEach((symbol, place) -> {
            if (symbol < vocabularySize) out.add(symbol);
            else addFallback(symbol, out);
        });
        if (end - start > MAX_KEPT) queues.remove();
    }

    private void addBytes(String text, int start, int end, MergeQueue queue) {
        Unknowns unknowns = new Unknowns(queue);
        for (byte b : ByteAlphabet.utf8(text, start, end)) {
            int symbol = bytes[b & 0xFF];
            if (symbol >= 0) unknowns.known(symbol);
            else unknowns.unknown();
        }
        unknowns.flush();
    }

    private void addCharacters(String text, int start, int end, MergeQueue queue) {
        Unknowns unknowns = new Unknowns(queue);
        for (int at = start, c; at < end; at += Character.charCount(c)) {
            c = text.codePointAt(at);
            int symbol = c < basic.length ? basic[c] : supplementary.getOrDefault(c, NONE);
            if (symbol >= 0) unknowns.known(symbol);
            else if (!options.byteFallback || !addBytesOf(c, queue)) unknowns.unknown();
        }
        unknowns.flush();
    }

    private boolean addBytesOf(int c, MergeQueue queue) {
        byte[] utf8 = Character.toString(c).getBytes(StandardCharsets.UTF_8);
        for (byte b : utf8) if (bytes[b & 0xFF] < 0) return false;
        for (byte b : utf8) queue.add(bytes[b & 0xFF]);
        return true;
    }

    /** A character that could merge but did not, and has no token of its own. */
    private void addFallback(int symbol, IdBuffer out) {
        MergeQueue one = new MergeQueue();
        if (options.byteFallback && addBytesOf(extra[symbol - vocabularySize], one)) one.forEach((id, place) -> out.add(id));
        else if (options.unknown >= 0) out.add(options.unknown);
    }

    /** Unknown characters waiting to become one token. Bytes added meanwhile go before them, as in the reference. */
    private final class Unknowns {
        private final MergeQueue queue;
        private boolean pending;

        Unknowns(MergeQueue queue) {
            this.queue = queue;
        }

        void known(int symbol) {
            flush();
            queue.add(symbol);
        }

        void unknown() {
            if (options.unknown < 0) return;
            if (pending && !options.fuseUnknown) queue.add(options.unknown);
            pending = true;
        }

        void flush() {
            if (pending) queue.add(options.unknown);
            pending = false;
        }
    }
}
