package dev.luthier.data.record;

import dev.luthier.data.Origin;
import java.util.List;

/**
 * Messages in order.
 *
 * @param tools tool descriptions as plain Java values; empty when there are none
 */
public record Conversation(Origin origin, List<Turn> turns, List<Object> tools) implements Sample {
    public Conversation {
        turns = List.copyOf(turns);
        tools = List.copyOf(tools);
    }

    public Conversation(Origin origin, List<Turn> turns) {
        this(origin, turns, List.of());
    }

    /** The same without its last turns, keeping {@code n}. */
    public Conversation first(int n) {
        return new Conversation(origin, turns.subList(0, n), tools);
    }
}
