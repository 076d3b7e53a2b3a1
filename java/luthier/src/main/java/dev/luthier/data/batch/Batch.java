package dev.luthier.data.batch;

import static dev.luthier.data.Example.IGNORE;

import dev.luthier.data.Example;
import java.util.Arrays;
import java.util.List;

/**
 * Rows one behind the other, without padding (T tokens, S rows).
 *
 * @param ids          [T] token ids
 * @param positions    [T] place of each token in its own row, from 0
 * @param cuSeqlens    [S+1] where each row begins; the last is T
 * @param targets      [T] the token to predict at each place: the label of the next token of the same row, or -100;
 *                     always -100 at a row's last token
 * @param targetTokens how many targets are not -100
 * @param maxLength    length of the longest row
 * @param origins      [S] where the rows came from
 */
public record Batch(int[] ids, int[] positions, int[] cuSeqlens, int[] targets, int targetTokens, int maxLength,
        List<String> origins) {
    public static Batch of(List<Example> rows) {
        int total = 0;
        for (Example e : rows) total = Math.addExact(total, e.length());
        int[] ids = new int[total];
        int[] positions = new int[total];
        int[] targets = new int[total];
        int[] starts = new int[rows.size() + 1];
        Arrays.fill(targets, IGNORE);
        int at = 0, count = 0, longest = 0;
        for (int s = 0; s < rows.size(); s++) {
            Example e = rows.get(s);
            int n = e.length();
            System.arraycopy(e.ids(), 0, ids, at, n);
            for (int t = 0; t < n; t++) positions[at + t] = t;
            if (n > 1) System.arraycopy(e.labels(), 1, targets, at, n - 1);
            count += e.targets();
            longest = Math.max(longest, n);
            at += n;
            starts[s + 1] = at;
        }
        return new Batch(ids, positions, starts, targets, count, longest,
                rows.stream().map(Example::origin).toList());
    }

    /** T. */
    public int tokens() {
        return ids.length;
    }

    /** S. */
    public int rows() {
        return cuSeqlens.length - 1;
    }
}
