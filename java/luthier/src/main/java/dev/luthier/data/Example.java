package dev.luthier.data;

import java.util.Arrays;
import java.util.Objects;

/**
 * One encoded row.
 *
 * @param ids    token ids
 * @param labels same length; {@code labels[t]} is the token to learn at place t (it is predicted from place t-1), or
 *               {@link #IGNORE}
 * @param origin where the row came from, for messages
 */
public record Example(int[] ids, int[] labels, String origin) {
    /** The label of a token that takes no part in the loss. */
    public static final int IGNORE = -100;

    public Example {
        Objects.requireNonNull(origin, "origin");
        if (ids.length != labels.length) {
            throw new IllegalArgumentException(
                    origin + ": " + ids.length + " ids but " + labels.length + " labels");
        }
    }

    public int length() {
        return ids.length;
    }

    /** Number of predicted tokens: labels from the second on that are not ignored. */
    public int targets() {
        int n = 0;
        for (int t = 1; t < labels.length; t++) {
            if (labels[t] != IGNORE) n++;
        }
        return n;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Example e && Arrays.equals(ids, e.ids) && Arrays.equals(labels, e.labels)
                && origin.equals(e.origin);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ids) * 31 + Arrays.hashCode(labels);
    }

    @Override
    public String toString() {
        return "Example[" + origin + ", " + ids.length + " tokens, " + targets() + " targets]";
    }
}
