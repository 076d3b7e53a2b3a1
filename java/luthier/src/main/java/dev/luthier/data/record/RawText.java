package dev.luthier.data.record;

import dev.luthier.data.Origin;

/** Text without question and answer: every token is learned. */
public record RawText(Origin origin, String text) implements Sample {}
