package dev.luthier.data.record;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One message.
 *
 * @param role     {@code system}, {@code developer}, {@code user}, {@code assistant} or {@code tool}
 * @param content  text, or null where an assistant only calls tools
 * @param input    material that belongs to a user's question but stands apart from it, as in alpaca; or null
 * @param thinking the reasoning before an assistant's answer, or null
 * @param trained  false: an assistant's turn that is context only (weight 0)
 * @param extra    what else the message held ({@code name}, {@code tool_calls}, ...), as plain Java values
 */
public record Turn(String role, String content, String input, String thinking, boolean trained,
        Map<String, Object> extra) {
    public Turn {
        extra = Collections.unmodifiableMap(new LinkedHashMap<>(extra));
    }

    public static Turn of(String role, String content) {
        return new Turn(role, content, null, null, true, Map.of());
    }

    public static Turn answer(String thinking, String content) {
        return new Turn("assistant", content, null, thinking, true, Map.of());
    }

    /** Content with the input behind it, for frames that have no place of its own for the input. */
    public String contentWithInput() {
        return input == null ? content : content.isBlank() ? input : content + "\n\n" + input;
    }

    public boolean isAssistant() {
        return role.equals("assistant");
    }

    /** True for a turn that the model has to learn to write. */
    public boolean isTarget() {
        return trained && isAssistant();
    }

    public Turn untrained() {
        return new Turn(role, content, input, thinking, false, extra);
    }
}
