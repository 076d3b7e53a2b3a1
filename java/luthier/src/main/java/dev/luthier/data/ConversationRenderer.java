package dev.luthier.data;

import java.util.List;
import java.util.Map;

/**
 * What this room needs of a model's chat template. Implementations must be safe for use by several threads.
 */
public interface ConversationRenderer {
    /**
     * The conversation as one string.
     *
     * @param messages            maps with {@code role}, {@code content} and whatever else the data held ({@code
     *                            reasoning_content}, {@code tool_calls}, {@code name}, ...); values are String, Number,
     *                            Boolean, List, Map or null
     * @param tools               tool descriptions, empty when there are none
     * @param addGenerationPrompt true: end with the text after which the assistant begins to write
     * @throws RuntimeException when the template refuses the conversation; its message is shown to the user
     */
    String render(List<Map<String, Object>> messages, List<Object> tools, boolean addGenerationPrompt);

    /** The template itself, stored with the run. */
    String source();
}
