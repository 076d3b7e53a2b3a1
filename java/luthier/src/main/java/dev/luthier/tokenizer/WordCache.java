package dev.luthier.tokenizer;

/**
 * Remembers the ids of words. A fixed table in which a newer word takes the place of an older one; threads share it without locks, as an
 * entry never changes and losing one costs time alone.
 */
final class WordCache {
    /** Longer pieces are not kept. */
    static final int MAX_LENGTH = 64;
    private static final int SLOTS = 1 << 16;

    private record Entry(String word, int hash, int[] ids) {
    }

    private final Entry[] entries = new Entry[SLOTS];

    static int hash(String text, int start, int end) {
        int h = end - start;
        for (int i = start; i < end; i++) h = 31 * h + text.charAt(i);
        return h * 0x9E3779B9;
    }

    /** The ids of a word, or null. */
    int[] get(String text, int start, int end, int hash) {
        Entry entry = entries[hash >>> 16];
        return entry != null && entry.hash == hash && entry.word.length() == end - start
                && text.startsWith(entry.word, start) ? entry.ids : null;
    }

    void put(String text, int start, int end, int hash, int[] ids) {
        entries[hash >>> 16] = new Entry(text.substring(start, end), hash, ids);
    }
}
