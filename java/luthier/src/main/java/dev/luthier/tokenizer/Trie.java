package dev.luthier.tokenizer;

import java.util.Arrays;

/** Words over UTF-16, each with a number, for finding all of them that start at a place in a text. */
final class Trie {
    private static final int NONE = -1;

    private long[] edges = new long[64]; // node << 16 | char, plus one; 0 is free
    private int[] targets = new int[64];
    private int[] values = new int[16];
    private int nodes = 1;
    private int used;
    private final long[] firsts = new long[1 << 10];

    Trie() {
        Arrays.fill(values, NONE);
    }

    /** Adds a word, which must not be empty; a later number for the same word wins. */
    void put(String word, int value) {
        firsts[word.charAt(0) >> 6] |= 1L << word.charAt(0);
        int node = 0;
        for (int i = 0; i < word.length(); i++) {
            int child = child(node, word.charAt(i));
            if (child == NONE) {
                child = nodes++;
                if (child == values.length) {
                    values = Arrays.copyOf(values, 2 * child);
                    Arrays.fill(values, child, values.length, NONE);
                }
                link(node, word.charAt(i), child);
            }
            node = child;
        }
        values[node] = value;
    }

    boolean isEmpty() {
        return nodes == 1;
    }

    /** False where no word starts with the character. */
    boolean starts(char c) {
        return (firsts[c >> 6] & 1L << c) != 0;
    }

    /** The node of the empty word. */
    int root() {
        return 0;
    }

    /** The node one character on, or -1. */
    int child(int node, char c) {
        long key = ((long) node << 16 | c) + 1;
        for (int slot = slot(key); ; slot = slot + 1 & edges.length - 1) {
            if (edges[slot] == key) return targets[slot];
            if (edges[slot] == 0) return NONE;
        }
    }

    /** The number of the word that ends at a node, or -1. */
    int value(int node) {
        return values[node];
    }

    /** The longest word that starts at a place: its end {@code << 32 |} its number; -1 where there is none. */
    long longest(String text, int start) {
        long hit = -1;
        for (int i = start, node = 0; i < text.length(); i++) {
            node = child(node, text.charAt(i));
            if (node == NONE) break;
            if (values[node] >= 0) hit = (long) (i + 1) << 32 | values[node];
        }
        return hit;
    }

    private void link(int node, char c, int child) {
        if (2 * ++used > edges.length) grow();
        insert(((long) node << 16 | c) + 1, child);
    }

    private void insert(long key, int child) {
        int slot = slot(key);
        while (edges[slot] != 0) slot = slot + 1 & edges.length - 1;
        edges[slot] = key;
        targets[slot] = child;
    }

    private void grow() {
        long[] oldEdges = edges;
        int[] oldTargets = targets;
        edges = new long[2 * oldEdges.length];
        targets = new int[2 * oldTargets.length];
        for (int i = 0; i < oldEdges.length; i++) if (oldEdges[i] != 0) insert(oldEdges[i], oldTargets[i]);
    }

    private int slot(long key) {
        return (int) (key * 0x9E3779B97F4A7C15L >>> 32) & edges.length - 1;
    }
}
