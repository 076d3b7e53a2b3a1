package dev.luthier.tokenizer;

import java.util.Arrays;

/**
 * The merging of one piece: symbols in a linked list, candidate merges in a heap ordered by rank, then by place. Time is n log n in the
 * number of symbols, whatever the text.
 */
final class MergeQueue {
    private static final int NONE = -1;

    private int[] symbols = new int[64];
    private int[] previous = new int[64];
    private int[] next = new int[64];
    private int size;
    private long[] heap = new long[64]; // rank << 32 | place
    private int waiting;

    void clear() {
        size = 0;
    }

    void add(int symbol) {
        if (size == symbols.length) {
            symbols = Arrays.copyOf(symbols, 2 * size);
            previous = Arrays.copyOf(previous, 2 * size);
            next = Arrays.copyOf(next, 2 * size);
        }
        symbols[size] = symbol;
        previous[size] = size - 1;
        next[size] = size + 1;
        size++;
    }

    /** Merges until nothing merges any more. */
    void merge(MergeTable table) {
        if (size == 0) return;
        next[size - 1] = NONE;
        waiting = 0;
        for (int i = 0; i + 1 < size; i++) offer(table, i, i + 1);
        while (waiting > 0) {
            long top = pop();
            int left = (int) top;
            int right = symbols[left] < 0 ? NONE : next[left];
            if (right == NONE) continue;
            long merge = table.get(symbols[left], symbols[right]);
            if (merge < 0 || merge >>> 32 != top >>> 32) continue; // one of the two has merged since
            symbols[left] = (int) merge;
            symbols[right] = NONE;
            next[left] = next[right];
            if (next[right] != NONE) previous[next[right]] = left;
            if (previous[left] != NONE) offer(table, previous[left], left);
            if (next[left] != NONE) offer(table, left, next[left]);
        }
    }

    /** Receives the symbols that are left, in order. */
    interface Symbols {
        void symbol(int symbol, int place);
    }

    /** Reports each symbol with the index of the first added symbol it is made of. */
    void forEach(Symbols out) {
        for (int i = 0; i < size && i != NONE; i = next[i]) out.symbol(symbols[i], i);
    }

    private void offer(MergeTable table, int left, int right) {
        long merge = table.get(symbols[left], symbols[right]);
        if (merge >= 0) push(merge & 0xFFFFFFFF_00000000L | left);
    }

    private void push(long item) {
        if (waiting == heap.length) heap = Arrays.copyOf(heap, 2 * waiting);
        int at = waiting++;
        while (at > 0) {
            int parent = at - 1 >>> 1;
            if (heap[parent] <= item) break;
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = item;
    }

    private long pop() {
        long top = heap[0];
        long item = heap[--waiting];
        int at = 0;
        for (int child = 1; child < waiting; child = 2 * at + 1) {
            if (child + 1 < waiting && heap[child + 1] < heap[child]) child++;
            if (heap[child] >= item) break;
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = item;
        return top;
    }
}
