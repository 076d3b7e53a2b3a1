package dev.luthier.template;

import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a chat template is usually given. The values are Map, List, String, Number, Boolean or null, as JSON has them.
 *
 * @param messages each a map with {@code role} and {@code content}, and what else the template reads
 * @param tools tool descriptions, or null for none; templates see none then
 * @param documents retrieved documents, or null for none
 * @param addGenerationPrompt whether the text ends with the start of an answer
 * @param bosToken text of the token that begins a sequence, or null where the tokenizer has none: undefined then
 * @param eosToken the same for the token that ends a sequence
 * @param extra further variables such as {@code enable_thinking}; they win over those above
 * @param clock what {@code strftime_now} tells
 */
public record Conversation(List<? extends Map<String, ?>> messages, List<?> tools, List<?> documents,
        boolean addGenerationPrompt, String bosToken, String eosToken, Map<String, ?> extra, Clock clock) {
    /** Refuses a missing list, map or clock. */
    public Conversation {
        Objects.requireNonNull(messages, "messages");
        Objects.requireNonNull(extra, "extra");
        Objects.requireNonNull(clock, "clock");
    }

    /** Messages alone: no tools, no generation prompt, no special tokens, the system's clock. */
    public static Conversation of(List<? extends Map<String, ?>> messages) {
        return new Conversation(messages, null, null, false, null, null, Map.of(), Clock.systemDefaultZone());
    }

    /** The same with these tools. */
    public Conversation withTools(List<?> value) {
        return new Conversation(messages, value, documents, addGenerationPrompt, bosToken, eosToken, extra, clock);
    }

    /** The same with these documents. */
    public Conversation withDocuments(List<?> value) {
        return new Conversation(messages, tools, value, addGenerationPrompt, bosToken, eosToken, extra, clock);
    }

    /** The same with or without the start of an answer. */
    public Conversation withGenerationPrompt(boolean value) {
        return new Conversation(messages, tools, documents, value, bosToken, eosToken, extra, clock);
    }

    /** The same with the texts of these special tokens, either of which may be null. */
    public Conversation withTokens(String bos, String eos) {
        return new Conversation(messages, tools, documents, addGenerationPrompt, bos, eos, extra, clock);
    }

    /** The same with these further variables in place of the former ones. */
    public Conversation withExtra(Map<String, ?> value) {
        return new Conversation(messages, tools, documents, addGenerationPrompt, bosToken, eosToken, value, clock);
    }

    /** The same at another time. */
    public Conversation withClock(Clock value) {
        return new Conversation(messages, tools, documents, addGenerationPrompt, bosToken, eosToken, extra, value);
    }

    /** The variables that the template sees. */
    Map<String, Object> variables() {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put("messages", messages);
        variables.put("tools", tools);
        variables.put("documents", documents);
        variables.put("add_generation_prompt", addGenerationPrompt);
        if (bosToken != null) {
            variables.put("bos_token", bosToken);
        }
        if (eosToken != null) {
            variables.put("eos_token", eosToken);
        }
        variables.putAll(extra);
        return variables;
    }
}
