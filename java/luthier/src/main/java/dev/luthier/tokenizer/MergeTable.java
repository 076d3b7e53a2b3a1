package dev.luthier.tokenizer;

/** Which pairs of symbols merge: pair to rank (low merges first) and new symbol. */
final class MergeTable {
    private long[] keys; // left << 32 | right, plus one; 0 is free
    private long[] merges; // rank << 32 | new symbol
    private int size;

    MergeTable(int expected) {
        int capacity = Integer.highestOneBit(Math.max(16, expected) * 2 - 1) * 2;
        keys = new long[capacity];
        merges = new long[capacity];
    }

    /** A later merge of the same pair wins. */
    void put(int left, int right, int rank, int symbol) {
        if (2 * (size + 1) > keys.length) grow();
        insert(((long) left << 32 | right) + 1, (long) rank << 32 | symbol);
    }

    /** {@code rank << 32 | new symbol}, or -1. */
    long get(int left, int right) {
        long key = ((long) left << 32 | right) + 1;
        for (int slot = slot(key); ; slot = slot + 1 & keys.length - 1) {
            if (keys[slot] == key) return merges[slot];
            if (keys[slot] == 0) return -1;
        }
    }

    private void insert(long key, long merge) {
        int slot = slot(key);
        while (keys[slot] != 0 && keys[slot] != key) slot = slot + 1 & keys.length - 1;
        if (keys[slot] == 0) size++;
        keys[slot] = key;
        merges[slot] = merge;
    }

    private void grow() {
        long[] oldKeys = keys;
        long[] oldMerges = merges;
        keys = new long[2 * oldKeys.length];
        merges = new long[2 * oldKeys.length];
        size = 0;
        for (int i = 0; i < oldKeys.length; i++) if (oldKeys[i] != 0) insert(oldKeys[i], oldMerges[i]);
    }

    private int slot(long key) {
        long h = key * 0x9E3779B97F4A7C15L;
        return (int) (h >>> 32 ^ h >>> 48) & keys.length - 1;
    }
}
