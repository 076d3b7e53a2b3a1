package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Engine;
import dev.luthier.engine.Tensor;
import dev.luthier.ops.AttentionParams;
import dev.luthier.ops.Ops;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Keys and values of many sequences in pages of one pool, so that sequences of any length share the memory (PagedAttention, arXiv 2309.06180).
 * A sequence is a slot; its pages are taken as it grows and go back when it is released.
 */
public final class KvCache {
    public static final int PAGE = 16;

    private final List<Tensor> keys = new ArrayList<>();
    private final List<Tensor> values = new ArrayList<>();
    private final int pagesPerSequence;
    private final Deque<Integer> free = new ArrayDeque<>();
    private final List<List<Integer>> pages = new ArrayList<>();
    private final int[] lengths;

    /**
     * @param sequences most sequences at once
     * @param length    most tokens of each
     */
    public KvCache(DeviceArena arena, ModelConfig c, DType act, int sequences, int length) {
        pagesPerSequence = Math.ceilDiv(length, PAGE);
        int total = Math.multiplyExact(sequences, pagesPerSequence);
        for (int i = 0; i < c.layers(); i++) {
            keys.add(arena.tensor(Kind.CACHE, act, (long) total * PAGE, c.kvDim()));
            values.add(arena.tensor(Kind.CACHE, act, (long) total * PAGE, c.kvDim()));
        }
        for (int p = 0; p < total; p++) free.add(p);
        for (int s = 0; s < sequences; s++) pages.add(new ArrayList<>());
        lengths = new int[sequences];
    }

    /** Tokens of a sequence so far. */
    public int length(int slot) {
        return lengths[slot];
    }

    /** Most tokens of a sequence. */
    public int capacity() {
        return pagesPerSequence * PAGE;
    }

    public int pagesPerSequence() {
        return pagesPerSequence;
    }

    /** Forgets a sequence from token {@code length} on and gives its pages back. */
    public void truncate(int slot, int length) {
        if (length > lengths[slot]) throw new IllegalArgumentException("sequence " + slot + " has " + lengths[slot] + " tokens, fewer than " + length);
        List<Integer> own = pages.get(slot);
        while (own.size() > Math.ceilDiv(length, PAGE)) free.push(own.removeLast());
        lengths[slot] = length;
    }

    /**
     * New tokens with the places their keys and values go to.
     *
     * @param rows     [T] row of the cache for each token
     * @param pages    [n][pages] page table
     * @param kvLens   [n] keys of each sequence, the new ones included
     * @param mostKeys largest of them
     */
    record Step(Packed packed, int[] rows, int[][] pages, int[] kvLens, int mostKeys) {
    }

    /** The same on the device. */
    record OnDevice(Tensor rows, Tensor pages, Tensor kvLens) {
    }

    Step append(int[] slots, List<int[]> tokens) {
        for (int s = 0; s < slots.length; s++) requireRoom(lengths[slots[s]] + tokens.get(s).length);
        Packed plain = Packed.of(tokens);
        int[] positions = plain.positions();
        int[] rows = new int[plain.tokens()];
        int[][] table = new int[slots.length][];
        int[] kvLens = new int[slots.length];
        int mostKeys = 0;
        for (int s = 0, at = 0; s < slots.length; s++) {
            int slot = slots[s];
            int length = lengths[slot];
            int after = length + tokens.get(s).length;
            List<Integer> own = pages.get(slot);
            while (own.size() < Math.ceilDiv(after, PAGE)) own.add(free.pop());
            for (int i = length; i < after; i++, at++) {
                positions[at] = i;
                rows[at] = own.get(i / PAGE) * PAGE + i % PAGE;
            }
            table[s] = own.stream().mapToInt(Integer::intValue).toArray();
            lengths[slot] = after;
            kvLens[s] = after;
            mostKeys = Math.max(mostKeys, after);
        }
        return new Step(new Packed(plain.ids(), positions, plain.cuSeqlens()), rows, table, kvLens, mostKeys);
    }

    private void requireRoom(int length) {
        if (length > capacity())
            throw new IllegalArgumentException("a sequence of " + length + " tokens does not fit the cache's " + capacity() + "; raise the context length");
    }

    OnDevice upload(Engine engine, DeviceArena arena, Step step) {
        int n = step.kvLens().length;
        OnDevice on = allocate(arena, step.rows().length, n, pagesPerSequence);
        int[] flat = new int[n * pagesPerSequence];
        for (int s = 0; s < n; s++) System.arraycopy(step.pages()[s], 0, flat, s * pagesPerSequence, step.pages()[s].length);
        engine.upload(on.rows(), step.rows());
        engine.upload(on.pages(), flat);
        engine.upload(on.kvLens(), step.kvLens());
        return on;
    }

    private static OnDevice allocate(DeviceArena arena, long tokens, long sequences, long pagesPerSequence) {
        return new OnDevice(arena.tensor(Kind.ACTIVATIONS, DType.I32, tokens, 1),
                arena.tensor(Kind.ACTIVATIONS, DType.I32, sequences, pagesPerSequence), arena.tensor(Kind.ACTIVATIONS, DType.I32, sequences, 1));
    }

    static void count(DeviceArena counting, long tokens, long sequences, long pagesPerSequence) {
        allocate(counting, tokens, sequences, pagesPerSequence);
    }

    void attend(Ops k, OnDevice on, int layer, Tensor o, Tensor q, Tensor kk, Tensor v, AttentionParams p) {
        k.scatterRows(keys.get(layer), kk, on.rows());
        k.scatterRows(values.get(layer), v, on.rows());
        k.pagedAttention(o, q, keys.get(layer), values.get(layer), on.pages(), on.kvLens(), PAGE, p);
    }
}
