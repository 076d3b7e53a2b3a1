package dev.luthier.data.rows;

import dev.luthier.data.Example;
import java.util.List;

/**
 * What became of one sample.
 *
 * @param examples  rows to train on; for a preference chosen and rejected, in this order
 * @param truncated rows that lost their end
 * @param dropped   rows left out for their length
 * @param pieces    rows that are pieces of a longer one
 * @param longest   length in tokens of the longest row before any cut
 */
public record Encoded(List<Example> examples, int truncated, int dropped, int pieces, int longest) {}
