package dev.luthier.data.record;

import dev.luthier.data.Origin;

/**
 * A row that came as token ids.
 *
 * @param labels as long as ids; -100 where a token takes no part in the loss
 */
public record TokenRow(Origin origin, int[] ids, int[] labels) implements Sample {}
