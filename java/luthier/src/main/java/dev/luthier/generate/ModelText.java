package dev.luthier.generate;

import dev.luthier.data.ConversationRenderer;
import dev.luthier.data.DataException;
import dev.luthier.data.TextEncoder;
import dev.luthier.data.frame.Frame;
import dev.luthier.data.frame.Frames;
import dev.luthier.io.FormatException;
import dev.luthier.io.Json;
import dev.luthier.template.ChatTemplate;
import dev.luthier.template.Conversation;
import dev.luthier.template.TemplateException;
import dev.luthier.tokenizer.TokenKind;
import dev.luthier.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * How a model reads and writes text: its tokenizer and its chat template. Training, asking and serving all take prompts from here, so that they cannot
 * differ.
 */
public final class ModelText {
    /** File in a run's folder that keeps the frame it was trained in. */
    public static final String FRAME_FILE = "frame.json";
    /** Templates that print today's date get this one: what was trained is what is asked. */
    private static final Clock PINNED = Clock.fixed(Instant.parse("2024-07-26T00:00:00Z"), ZoneOffset.UTC);

    private final Tokenizer tokenizer;
    private final String template;
    private final Set<String> controlTokens;

    private ModelText(Tokenizer tokenizer, String template) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.controlTokens = controlTokens(tokenizer);
    }

    /** Reads tokenizer.json and the chat template (chat_template.jinja, else tokenizer_config.json's) of a checkpoint folder. */
    public static ModelText load(Path folder) throws IOException {
        return new ModelText(Tokenizer.load(folder), readTemplate(folder));
    }

    private static String readTemplate(Path folder) throws IOException {
        Path jinja = folder.resolve("chat_template.jinja");
        if (Files.exists(jinja)) return Files.readString(jinja);
        Path config = folder.resolve("tokenizer_config.json");
        if (!Files.exists(config)) return null;
        JsonNode field = Json.readObject(config).path("chat_template");
        if (field.isMissingNode() || field.isNull()) return null;
        try {
            return ChatTemplate.select(Json.mapper().convertValue(field, Object.class), false);
        } catch (TemplateException e) {
            throw new FormatException(config, "chat_template", FormatException.quote(String.valueOf(e.getMessage())), "a template or a list of named ones", "mend the file");
        }
    }

    private static Set<String> controlTokens(Tokenizer tokenizer) {
        Set<String> texts = new LinkedHashSet<>();
        for (int id = 0; id < tokenizer.vocabSize(); id++)
            if (tokenizer.kind(id) == TokenKind.CONTROL && tokenizer.token(id) != null) texts.add(tokenizer.token(id));
        return texts;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The chat template's source; null when the model has none. */
    public String template() {
        return template;
    }

    /** Stands in for the tokenizer of a model that has none: rows that are token ids already can be trained on, text cannot. */
    public static TextEncoder noTokenizer(Path folder) {
        return new TextEncoder() {
            private DataException missing() {
                return DataException.of(folder.resolve("tokenizer.json") + ": no such file; rows of text need the model's tokenizer (rows with input_ids do not)");
            }

            @Override
            public int[] encode(String text, boolean parseSpecial, boolean continued) {
                throw missing();
            }

            @Override
            public String decode(int[] ids) {
                throw missing();
            }

            @Override
            public OptionalInt begin() {
                throw missing();
            }

            @Override
            public int end() {
                throw missing();
            }

            @Override
            public boolean isEnd(int id) {
                throw missing();
            }

            @Override
            public Set<String> controlTokens() {
                return Set.of();
            }
        };
    }

    /** The tokenizer as the data room wants it. */
    public TextEncoder encoder() {
        return new TextEncoder() {
            @Override
            public int[] encode(String text, boolean parseSpecial, boolean continued) {
                return continued ? tokenizer.encodeContinuation(text, parseSpecial) : tokenizer.encode(text, false, parseSpecial);
            }

            @Override
            public String decode(int[] ids) {
                return tokenizer.decode(ids, false);
            }

            @Override
            public OptionalInt begin() {
                return tokenizer.prefix().length == 0 ? OptionalInt.empty() : OptionalInt.of(tokenizer.prefix()[0]);
            }

            @Override
            public int end() {
                if (tokenizer.eosId() >= 0) return tokenizer.eosId();
                throw DataException.of("the tokenizer names no token that ends a text (eos_token in tokenizer_config.json); without one the model never learns to stop");
            }

            @Override
            public boolean isEnd(int id) {
                return tokenizer.stopIds().contains(id);
            }

            @Override
            public Set<String> controlTokens() {
                return controlTokens;
            }
        };
    }

    /**
     * The frame that a name stands for.
     *
     * @param name null: the model's chat template, or "reasoning-en" where it has none
     */
    public Frame frame(String name) {
        String chosen = name != null ? name : template != null ? "chat" : "reasoning-en";
        return Frames.named(chosen, () -> template == null ? null : renderer(template), controlTokens);
    }

    /** The frame a run was trained in, when its folder has one; else the model's own. */
    public Frame frameOf(Path run) throws IOException {
        Path file = run == null ? null : run.resolve(FRAME_FILE);
        if (file == null || !Files.exists(file)) return frame(null);
        return Frames.from(Json.readObject(file), this::renderer, controlTokens);
    }

    private ConversationRenderer renderer(String source) {
        ChatTemplate parsed = ChatTemplate.parse(source);
        return new ConversationRenderer() {
            @Override
            public String render(List<Map<String, Object>> messages, List<Object> tools, boolean addGenerationPrompt) {
                Conversation c = Conversation.of(messages).withGenerationPrompt(addGenerationPrompt).withTokens(text(tokenizer.bosId()), text(tokenizer.eosId())).withClock(PINNED);
                return parsed.render(tools.isEmpty() ? c : c.withTools(tools)).text();
            }

            @Override
            public String source() {
                return source;
            }
        };
    }

    private String text(int id) {
        return id < 0 ? "" : tokenizer.token(id);
    }
}
