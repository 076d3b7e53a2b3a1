package dev.luthier.data.record;

import dev.luthier.data.Origin;

/** Two endings of one conversation, of which the first is the better; only the last turn of each is learned. */
public record Preference(Origin origin, Conversation chosen, Conversation rejected) implements Sample {}
