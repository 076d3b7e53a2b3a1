package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import java.util.List;

/**
 * What was read and what became of it.
 *
 * @param records   records read, good and bad
 * @param bad       records passed over because they are bad
 * @param badRows   their messages, at most {@link Loader#MAX_LISTED}
 * @param truncated rows that lost their end
 * @param dropped   rows left out for their length
 * @param pieces    rows that are pieces of a longer one
 * @param longest   tokens of the longest row before any cut
 * @param shapes    how the columns of each file were understood
 */
public record LoadReport(long records, long bad, List<String> badRows, long truncated, long dropped, long pieces,
        int longest, List<String> shapes) {
    /** The error for data that gave no row at all. */
    DataException empty(String source) {
        if (records == 0) {
            return DataException.of(source + " holds no record; check that it is the right file and, with --split, that"
                    + " the split is not empty");
        }
        return DataException.of(source + " holds " + records + " records but none to train on (" + bad + " bad, "
                + dropped + " too long)" + (badRows.isEmpty() ? "; raise --max-length or use --long-rows truncate"
                        : "; the first: " + badRows.getFirst()));
    }
}
