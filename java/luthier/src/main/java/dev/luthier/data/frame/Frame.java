package dev.luthier.data.frame;

import dev.luthier.data.record.Conversation;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** The way a conversation becomes text. Safe for use by several threads. */
public sealed interface Frame permits ChatFrame, TextFrame {
    /**
     * The rows to train on. One, except where the model would not see earlier answers the way they were learned (chat
     * templates that drop old reasoning): then one row for each answer, each with the context it will have in use.
     *
     * @throws dev.luthier.data.DataException of the row, when the conversation does not fit
     */
    List<Framed> training(Conversation c);

    /** The prompt after which the model writes the next answer. */
    Framed prompt(Conversation c);

    /** Short name for people. */
    String name();

    /** Everything needed to make this frame again with {@link Frames#from}. */
    ObjectNode describe();
}
