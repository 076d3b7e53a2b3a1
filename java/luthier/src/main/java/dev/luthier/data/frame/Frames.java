package dev.luthier.data.frame;

import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/** Frames by name, from a file, and from their stored description. */
public final class Frames {
    /** Names that {@link #named} knows besides {@code chat} and file names. */
    public static final List<String> BUILT_IN = List.of("alpaca", "reasoning-en", "reasoning-zh", "plain");

    private static final long MAX_FRAME_BYTES = 1 << 20;

    /** The frame that alpaca-tuned models and data sets expect. Source: the Stanford Alpaca project's prompt format. */
    private static final String ALPACA = """
            {#system}{system}

            {/system}Below is an instruction that describes a task{#input}, paired with an input that provides further \
            context{/input}. Write a response that appropriately completes the request.

            ### Instruction:
            {question}

            {#input}### Input:
            {input}

            {/input}### Response:
            {answer}""";

    private static final String REASONING_EN = """
            ### Instruction:
            {#system}{system}{/system}{^system}Think the question through step by step, then give a clear and correct \
            answer.{/system}

            ### Question:
            {question}{#input}

            {input}{/input}

            ### Answer:
            <think>
            {thinking}
            </think>

            {answer}""";

    private static final String REASONING_ZH = """
            ### 指令：
            {#system}{system}{/system}{^system}请先一步一步把问题想清楚，再给出准确、明白的答复。{/system}

            ### 问题：
            {question}{#input}

            {input}{/input}

            ### 回答：
            <think>
            {thinking}
            </think>

            {answer}""";

    private static final String PLAIN = "{#system}{system}\n\n{/system}{question}{answer}";

    private Frames() {}

    /**
     * The frame that {@code --template} names.
     *
     * @param name          {@code chat}, one of {@link #BUILT_IN}, or a file with places
     * @param chat          gives the model's chat template, or null when the model has none
     * @param controlTokens see {@link dev.luthier.data.TextEncoder#controlTokens}
     */
    public static Frame named(String name, Supplier<ConversationRenderer> chat, Set<String> controlTokens) {
        return switch (name) {
            case "chat" -> {
                ConversationRenderer renderer = chat.get();
                if (renderer == null) {
                    throw DataException.of("the model has no chat template; choose a frame with --template: "
                            + String.join(", ", BUILT_IN) + ", or a file with {question} and {answer}");
                }
                yield new ChatFrame(renderer, controlTokens);
            }
            case "alpaca" -> new TextFrame(name, ALPACA, controlTokens);
            case "reasoning-en" -> new TextFrame(name, REASONING_EN, controlTokens);
            case "reasoning-zh" -> new TextFrame(name, REASONING_ZH, controlTokens);
            case "plain" -> new TextFrame(name, PLAIN, controlTokens);
            default -> fromFile(Path.of(name), controlTokens);
        };
    }

    private static Frame fromFile(Path file, Set<String> controlTokens) {
        if (!Files.isRegularFile(file)) {
            throw DataException.of("template '" + file + "' is neither a file nor one of chat, "
                    + String.join(", ", BUILT_IN));
        }
        try {
            if (Files.size(file) > MAX_FRAME_BYTES) {
                throw DataException.of(file + " is larger than " + MAX_FRAME_BYTES + " bytes; a frame is a short text");
            }
            String text = Files.readString(file).replace("\r\n", "\n");
            if (text.startsWith("\uFEFF")) text = text.substring(1);
            // An editor's line break at the end of the file is not part of the answer.
            return new TextFrame(file.toString(), text.endsWith("\n") ? text.substring(0, text.length() - 1) : text,
                    controlTokens);
        } catch (IOException e) {
            throw DataException.of(file + " cannot be read as UTF-8 text: " + e.getMessage(), e);
        }
    }

    /**
     * The frame that {@link Frame#describe} described.
     *
     * @param chat makes a renderer of a stored chat template
     */
    public static Frame from(JsonNode description, Function<String, ConversationRenderer> chat,
            Set<String> controlTokens) {
        String kind = description.path("kind").asString("");
        String key = kind.equals("chat") ? "template" : "text";
        if (!description.path(key).isString()) {
            throw DataException.of("the stored prompt template has no '" + key + "'; it was not written by this"
                    + " program or is damaged");
        }
        String text = description.path(key).asString();
        return switch (kind) {
            case "chat" -> new ChatFrame(chat.apply(text), controlTokens);
            case "text" -> new TextFrame(description.path("name").asString("stored"), text, controlTokens);
            default -> throw DataException.of("the stored prompt template is of kind '" + kind
                    + "', which is not known; it was written by another version");
        };
    }
}
