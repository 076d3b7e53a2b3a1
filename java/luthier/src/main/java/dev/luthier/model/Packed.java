package dev.luthier.model;

import java.util.List;

/**
 * Sequences laid end to end; padding never exists.
 *
 * @param ids       [T] token ids
 * @param positions [T] position of each token in its own sequence
 * @param cuSeqlens [n + 1] sequence s holds tokens [cuSeqlens[s], cuSeqlens[s + 1])
 */
public record Packed(int[] ids, int[] positions, int[] cuSeqlens) {
    public Packed {
        if (ids.length == 0) throw new IllegalArgumentException("a batch needs at least one token");
        if (positions.length != ids.length || cuSeqlens.length < 2 || cuSeqlens[0] != 0 || cuSeqlens[cuSeqlens.length - 1] != ids.length)
            throw new IllegalArgumentException("ids, positions and cuSeqlens do not fit together");
        for (int s = 1; s < cuSeqlens.length; s++)
            if (cuSeqlens[s] <= cuSeqlens[s - 1]) throw new IllegalArgumentException("sequence " + (s - 1) + " of the batch is empty");
    }

    /** Sequences that all start at position 0. */
    public static Packed of(List<int[]> sequences) {
        int total = sequences.stream().mapToInt(s -> s.length).sum();
        int[] ids = new int[total];
        int[] positions = new int[total];
        int[] cu = new int[sequences.size() + 1];
        int at = 0;
        for (int s = 0; s < sequences.size(); s++) {
            for (int i = 0; i < sequences.get(s).length; i++, at++) {
                ids[at] = sequences.get(s)[i];
                positions[at] = i;
            }
            cu[s + 1] = at;
        }
        return new Packed(ids, positions, cu);
    }

    public static Packed of(int... ids) {
        return of(List.of(ids));
    }

    public int tokens() {
        return ids.length;
    }

    public int sequences() {
        return cuSeqlens.length - 1;
    }

    public int longest() {
        int longest = 0;
        for (int s = 1; s < cuSeqlens.length; s++) longest = Math.max(longest, cuSeqlens[s] - cuSeqlens[s - 1]);
        return longest;
    }

    /** One more than the last position: what chooses between short and long rotary tables. */
    public int reach() {
        int reach = 0;
        for (int p : positions) reach = Math.max(reach, p + 1);
        return reach;
    }
}
