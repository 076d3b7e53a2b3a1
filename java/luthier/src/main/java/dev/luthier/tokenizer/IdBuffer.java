package dev.luthier.tokenizer;

import java.util.Arrays;

/** A growing list of token ids. */
final class IdBuffer {
    private int[] ids;
    private int size;

    IdBuffer(int capacity) {
        ids = new int[Math.max(capacity, 16)];
    }

    void add(int id) {
        if (size == ids.length) ids = Arrays.copyOf(ids, size + (size >> 1));
        ids[size++] = id;
    }

    void addAll(int[] more) {
        if (size + more.length > ids.length) ids = Arrays.copyOf(ids, Math.max(size + more.length, size + (size >> 1)));
        System.arraycopy(more, 0, ids, size, more.length);
        size += more.length;
    }

    int size() {
        return size;
    }

    int[] toArray() {
        return Arrays.copyOf(ids, size);
    }

    /** The ids from an index on. */
    int[] since(int index) {
        return Arrays.copyOfRange(ids, index, size);
    }
}
